from earthloom.methods.catalog import find as find
from earthloom.methods.catalog import make as make
from earthloom.methods.catalog import names as names
from earthloom.methods.catalog import problems as problems
from earthloom.methods.catalog import summary as summary

__all__ = ["find", "make", "names", "problems", "summary"]
