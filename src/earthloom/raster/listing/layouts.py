"""Find what a folder or a list of files holds: stacks of samples, scenes in pairs of files, Landsat, SEN12MS-CR."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from earthloom.atomic import drafts_in, write_whole
from earthloom.documents import parsed
from earthloom.errors import FileError, InputError
from earthloom.raster.formats import is_image
from earthloom.raster.handles import file_errors
from earthloom.raster.listing.samples import H5_SUFFIXES, SampleStack, SetFacts, Triplet, open_stack, open_triplet
from earthloom.raster.metadata.landsat import is_landsat_folder
from earthloom.raster.metadata.matlab import shapes
from earthloom.small import small_bytes

_WORDS = {
    "pan": ("pan", "i_pan"),
    "ms": ("ms", "hs", "lr", "lrms", "ms_lr", "mss", "i_ms"),
    "gt": ("gt", "ref", "reference", "hrms"),
    "mul": ("mul",),  # the truth beside `lr`, the MS without one
}
_ROLE_OF = {word: role for role, words in _WORDS.items() for word in words}
_ROLE = re.compile(r"(?<![a-z])(" + "|".join(sorted(_ROLE_OF, key=len, reverse=True)) + r")(?![a-z])", re.I)
_SEN12 = re.compile(r"^(ROIs\d+_[a-z]+)(?:_(s1|s2_cloudfree|s2_cloudy|s2))?_(\d+)_p(\d+)$", re.I)
_SEN12_FOLDER = re.compile(r"(?:^|_)(s1|s2_cloudfree|s2_cloudy|s2)(?:rtc|grd|l1c|l2a)?(?:_\d+)?$", re.I)
_SEN12_ROLES = {"s1": "sar", "s2": "clear", "s2_cloudfree": "clear", "s2_cloudy": "cloudy"}
_SEN12_SCENE = ("sar", "cloudy", "clear", "cloudy_mask", "clear_mask")
FACTS = "dataset.json"
MASK = "_s2cloudless"  # ending of a cloud mask beside an image of SEN12MS-CR
LOOKED_FOR = (
    "*.h5 with pan and ms, *.mat, pairs such as K_pan.tif and K_ms.tif, subfolders pan/ ms/ [gt/], a Landsat folder "
    "with its MTL file, or s1/ s2_cloudfree/ s2_cloudy/ of SEN12MS-CR"
)


@dataclass(frozen=True, eq=False)
class Rasters:
    """One scene in files that :func:`earthloom.raster.open.open_image` reads.

    Parameters
    ----------
    title
        Name of the scene.
    files
        Role (``pan``, ``ms``, ``gt``; or ``sar``, ``cloudy``, ``clear`` and their masks) to file or folder.
    """

    title: str
    files: Mapping[str, str | tuple[str, ...]]
    layout: str = "files"
    facts: SetFacts = field(default_factory=SetFacts)

    @property
    def name(self) -> str:
        """Of the scene, for messages."""
        return self.title

    def __len__(self) -> int:
        return 1

    def label(self, index: int) -> str:
        """The name of the scene."""
        return self.title


Source = SampleStack | Triplet | Rasters
PathLike = str | Path


def find_sources(paths: PathLike | Sequence[PathLike] | Mapping[str, PathLike | Sequence[PathLike]]) -> list[Source]:
    """The scenes and stacks that files and folders hold, in the order of their names.

    Parameters
    ----------
    paths
        A file, a folder (its subfolders are looked through), several of them, or one scene as
        ``{"pan": file, "ms": file or files, "gt": file}``, or ``{"sar": file, "cloudy": file, "clear": file}`` with
        ``cloudy_mask`` perhaps.

    Raises
    ------
    FileError
        If a path does not exist, or a folder holds nothing known (the message says what was looked for).
    InputError
        If a file lacks its partner.
    """
    if isinstance(paths, Mapping):
        return [_one_scene(paths)]
    items = [Path(p) for p in ([paths] if isinstance(paths, (str, Path)) else paths)]
    if not items:
        raise InputError("no file", "at least one file or folder")
    found: list[Source] = []
    for item in items:
        with file_errors(item, "read", "check the path"):
            folder = item.is_dir()
        if folder:
            inside = list(_in_folder(item))
            if not inside and drafts_in(item):
                raise FileError(f"{item} holds no whole data set", "one", "its conversion was stopped; give it again")
            if not inside:
                raise FileError(f"{item} holds no data set", LOOKED_FOR, "README files and other images are left out")
            found += inside
        elif not item.is_file():
            raise FileError(f"{item} does not exist", hint="check the path")
    files = [item for item in items if item.is_file()]
    found += _in_files(files, {}, strict=True)
    return found


def _one_scene(paths: Mapping[str, PathLike | Sequence[PathLike]]) -> Source:
    """A scene whose files were named."""
    roles = _SEN12_SCENE if "sar" in paths else ("pan", "ms", "gt")
    unknown = [role for role in paths if role not in roles]
    whole = {"clear", "cloudy"} & set(paths) if "sar" in paths else {"pan", "ms"} <= set(paths)
    if unknown or not whole:
        wanted = "pan and ms, and perhaps gt; or sar, cloudy and clear, and perhaps their masks"
        raise InputError(f"a scene of {', '.join(paths) or 'nothing'}", wanted)
    files = {r: (str(p) if isinstance(p, (str, Path)) else tuple(map(str, p))) for r, p in paths.items()}
    if "sar" in files:
        return Rasters(Path(str(files["sar"])).stem, files, "SEN12MS-CR")
    title = Path(files["ms"] if isinstance(files["ms"], str) else files["ms"][0]).stem
    if all(isinstance(p, str) and p.lower().endswith(".mat") for p in files.values()):
        return open_triplet({role: Path(str(p)) for role, p in files.items()}, title)
    return Rasters(title, files)


def _in_folder(folder: Path) -> Iterator[Source]:
    """What a folder and its subfolders hold."""
    sen12 = _sen12(folder)
    if sen12:
        yield from sen12
        return
    if is_landsat_folder(folder):
        yield Rasters(folder.name, {"pan": str(folder), "ms": str(folder)}, "Landsat folder")
        return
    drafts = drafts_in(folder)
    entries = [entry for entry in folder.iterdir() if entry not in drafts and not entry.name.startswith(".")]
    entries.sort(key=lambda p: _natural(p.name))
    roles = {p: _ROLE_OF[p.name.lower()] for p in entries if p.is_dir() and p.name.lower() in _ROLE_OF}
    files = [p for p in entries if p.is_file()]
    told = {file: role for sub, role in roles.items() for file in sorted(sub.iterdir()) if file.is_file()}
    facts = read_facts(folder)
    for source in _in_files([*files, *told], told):
        yield source if facts is None or isinstance(source, SampleStack) else replace(source, facts=facts)
    for entry in entries:
        if entry.is_dir() and entry not in roles:
            yield from _in_folder(entry)


def read_facts(folder: Path) -> SetFacts | None:
    """What ``dataset.json`` in a folder says about its files (:func:`write_facts`); None without one.

    Raises
    ------
    FileError
        If it is not what we write.
    """
    path = folder / FACTS
    if not path.is_file():
        return None
    try:
        known = parsed(small_bytes(path))
        bands = known.get("bands")
        return SetFacts(
            known.get("sensor"), known.get("convention"), tuple(bands) if bands else None, known.get("maximum")
        )
    except (ValueError, AttributeError, TypeError) as error:
        raise FileError(f"{path} cannot be read: {error}", "JSON with sensor, convention, bands, maximum") from error


def write_facts(folder: Path, facts: SetFacts) -> None:
    """Say beside the files what they cannot say themselves."""
    write_whole(folder / FACTS, (json.dumps(asdict(facts), indent=2) + "\n").encode())


def _natural(name: str) -> list[tuple[int, str]]:
    """Sort key by which 2 comes before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part.lower()) for part in re.split(r"(\d+)", name)]


def _in_files(files: Sequence[Path], told: Mapping[Path, str], strict: bool = False) -> Iterator[Source]:
    """Stacks, whole MATLAB files, and the groups of files that make a scene.

    ``told`` gives the roles of files that their folder is named for; ``strict`` refuses files of no known kind.
    """
    groups: dict[str, dict[str, Path]] = {}
    for file in files:
        suffix = file.suffix.lower()
        if suffix in H5_SUFFIXES:
            yield open_stack(file)
        elif is_image(file):
            key, role = _split(file, told.get(file))
            if suffix == ".mat" and (role is None or {"pan", "ms"} <= set(shapes(file)[0])):
                yield open_triplet({"": file}, file.stem)
            elif role is not None:
                _add(groups.setdefault(key, {}), role, file)
            elif strict:
                raise InputError(
                    f"{file.name}: PAN or MS?", "names such as K_pan.tif and K_ms.tif", "or give `pan` and `ms`"
                )
        elif strict:
            raise InputError(f"{file.name}: not a known data set", LOOKED_FOR)
    yield from _scenes(groups)


def _split(file: Path, told: str | None) -> tuple[str, str | None]:
    """What the files of one scene share in their names, and the role of this one."""
    words = list(_ROLE.finditer(file.stem))
    match = words[-1] if words else None
    role = told or (_ROLE_OF[match[1].lower()] if match else None)
    stem = file.stem if match is None else file.stem[: match.start()] + file.stem[match.end() :]
    return re.sub(r"[_\-. ]+", "_", stem).strip("_").lower(), role


def _add(group: dict[str, Path], role: str, file: Path) -> None:
    """Put a file into its scene."""
    if role in group:
        raise InputError(f"{group[role]} and {file} are both the {role} of one scene", "one file per role")
    group[role] = file


def _scenes(groups: Mapping[str, dict[str, Path]]) -> Iterator[Source]:
    """A scene of every group."""
    for key, group in groups.items():
        if "mul" in group:
            group["gt" if "ms" in group else "ms"] = group.pop("mul")
        missing = [role for role in ("pan", "ms") if role not in group]
        if missing:
            other = next(iter(group.values()))
            raise InputError(f"{other} has no {missing[0]} beside it", f"a file of the same name with '{missing[0]}'")
        ordered = {role: group[role] for role in ("pan", "ms", "gt") if role in group}
        title = key or next(iter(group.values())).parent.name
        if all(file.suffix.lower() == ".mat" for file in ordered.values()):
            yield open_triplet(ordered, title)
        else:
            yield Rasters(title, {role: str(file) for role, file in ordered.items()})


def _sen12(folder: Path) -> list[Source]:
    """The places of a SEN12MS-CR folder: radar, cloudy and clear optical image, and masks where there are any.

    Files of other names count where their folder says what they are (``s1``, ``S2L2A``) and the names agree.
    """
    places: dict[tuple[str, int, int], dict[str, str]] = {}
    named = any(_SEN12.match(file.stem.removesuffix(MASK)) for file in folder.glob("*.tif"))
    if not named and "sar" not in {_sen12_role(sub / "", None) for sub in folder.iterdir() if sub.is_dir()}:
        return []
    for file in sorted(folder.rglob("*.tif")):
        stem = file.stem.removesuffix(MASK)
        match = _SEN12.match(stem)
        role = _sen12_role(file.parent, match[2] if match else None)
        if role is None:
            continue
        place = places.setdefault((match[1], int(match[3]), int(match[4])) if match else (stem, 0, 0), {})
        name = f"{role}_mask" if file.stem.endswith(MASK) else role
        if name in place:
            raise InputError(f"{place[name]} and {file} are both the {name} of one place", "one file per role")
        place[name] = str(file)
    whole = {key: files for key, files in places.items() if "sar" in files and {"clear", "cloudy"} & set(files)}
    if places and not whole:
        raise InputError(f"{folder}: radar without optical images, or the other way round", "s1 and s2 of one place")
    return [Rasters(f"{roi}_{n}_p{m}" if m else roi, files, "SEN12MS-CR") for (roi, n, m), files in whole.items()]


def _sen12_role(folder: Path, told: str | None) -> str | None:
    """From the name, else from the folders: ``s1``, ``s2_cloudfree``, ``ROIs1158_spring_s2_cloudy``, ``S2L2A`` ..."""
    if told:
        return _SEN12_ROLES[told.lower()]
    for name in (folder.name, folder.parent.name):
        if found := _SEN12_FOLDER.search(name):
            return _SEN12_ROLES[found[1].lower()]
    return None
