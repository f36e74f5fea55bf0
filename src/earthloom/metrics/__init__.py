"""Quality indices of fused images: pure functions of ``(band, y, x)`` arrays of numpy or torch.

With a reference: :func:`ergas`, :func:`sam_deg`, :func:`q2n`, :func:`uiqi`, :func:`uiqi_global`, :func:`scc`,
:func:`ssim`, :func:`psnr`, :func:`psnr_bands`, :func:`rmse`, :func:`mae`, :func:`cc`. Without: :func:`d_lambda`,
:func:`d_lambda_k`, :func:`d_s`, :func:`qnr`, :func:`hqnr`, :func:`rqnr`, :func:`d_rho`, :func:`d_sr`,
:func:`chroma_noise_percent`, :func:`hallucination_percent`, :func:`omission_percent`. Against the inputs:
:func:`consistency`. All at once: :func:`with_reference`, :func:`without_reference`, :func:`with_clouds`,
:func:`with_truth`, :func:`consistency_of`, :func:`support_of`, :func:`support_against`.
"""

from earthloom.metrics.chroma import chroma_noise_percent as chroma_noise_percent
from earthloom.metrics.clouds import mae as mae
from earthloom.metrics.clouds import with_clouds as with_clouds
from earthloom.metrics.consistency import consistency as consistency
from earthloom.metrics.consistency import consistency_of as consistency_of
from earthloom.metrics.degrade import observe as observe
from earthloom.metrics.distortions import d_lambda_from as d_lambda_from
from earthloom.metrics.distortions import d_rho as d_rho
from earthloom.metrics.distortions import d_s_from as d_s_from
from earthloom.metrics.distortions import d_sr as d_sr
from earthloom.metrics.hypercomplex import hypercomplex_product as hypercomplex_product
from earthloom.metrics.hypercomplex import q2n as q2n
from earthloom.metrics.hypercomplex import q2n_map as q2n_map
from earthloom.metrics.noreference import d_lambda as d_lambda
from earthloom.metrics.noreference import d_lambda_k as d_lambda_k
from earthloom.metrics.noreference import d_s as d_s
from earthloom.metrics.noreference import hqnr as hqnr
from earthloom.metrics.noreference import qnr as qnr
from earthloom.metrics.noreference import rqnr as rqnr
from earthloom.metrics.reference import cc as cc
from earthloom.metrics.reference import ergas as ergas
from earthloom.metrics.reference import psnr as psnr
from earthloom.metrics.reference import psnr_bands as psnr_bands
from earthloom.metrics.reference import rmse as rmse
from earthloom.metrics.reference import sam_deg as sam_deg
from earthloom.metrics.reference import sam_map_deg as sam_map_deg
from earthloom.metrics.reference import uiqi_global as uiqi_global
from earthloom.metrics.structure import scc as scc
from earthloom.metrics.structure import ssim as ssim
from earthloom.metrics.structure import uiqi as uiqi
from earthloom.metrics.summary import cut_border as cut_border
from earthloom.metrics.summary import with_reference as with_reference
from earthloom.metrics.summary import without_reference as without_reference
from earthloom.metrics.support import hallucination_map as hallucination_map
from earthloom.metrics.support import hallucination_percent as hallucination_percent
from earthloom.metrics.support import omission_percent as omission_percent
from earthloom.metrics.support import support_against as support_against
from earthloom.metrics.support import support_of as support_of
from earthloom.metrics.temporal import with_truth as with_truth
