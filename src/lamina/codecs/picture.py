"""One picture: from a file's bytes or an array to pixels, whatever it was made by."""

from __future__ import annotations

import functools
import re
import struct
import warnings
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from types import ModuleType
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from lamina.codecs.content import file_bytes, npy_array, what_it_is
from lamina.codecs.medical import dicom_picture, nifti_slice
from lamina.errors import DataError, LaminaError
from lamina.extras import need

__all__ = [
    "ENDINGS",
    "Fit",
    "Form",
    "Picture",
    "check_pixels",
    "fitted",
    "framed",
    "is_picture",
    "open_picture",
    "pictures_in",
    "pixels_of",
    "shaped",
]

Fit = Literal["squash", "crop", "pad"]
T = TypeVar("T")

ENDINGS = (
    *("png", "jpg", "jpeg", "jpe", "jfif", "webp", "bmp", "tif", "tiff", "gif"),
    *("pgm", "ppm", "pbm", "pnm", "npy", "dcm", "nii", "nii.gz"),
)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "AVIF")  # of Pillow's; the fewer, the safer
ALLOWED = "png, jpeg, webp, bmp, tiff, gif, pgm, npy"
PIXELS = 89_478_485  # of a picture, at most: Pillow's own limit, above which it warns
WHITE = 65_535  # of 16 bits
ORIENTATION = 0x0112  # the EXIF tag of how the camera was held, and what turns the picture upright
JPEG_PLAIN = (0xE0, 0xDB, 0xC4, 0xFE, 0xDD)  # markers that change nothing: JFIF, tables, comments
JPEG_FRAMES = (0xC0, 0xC1, 0xC2)  # those that say the size, of the usual ways to pack
JPEG_SMALL = 2**18  # pixels up to which reading the header in Python takes longer than decoding
TURNS = {
    2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90",
}  # fmt: skip


class Picture(NamedTuple):
    """A decoded picture.

    Attributes:
        image: Pillow's image, upright, in mode L (grey), RGB, or F (grey of 16 bits, 0 to 65535).
        height, width: of the file; the image may be smaller where a smaller one was asked for.
    """

    image: Any
    height: int
    width: int


def is_picture(content: bytes) -> bool:
    """Whether bytes begin as a PNG, JPEG, GIF, WebP, BMP or TIFF picture does."""
    return (
        content.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*"))
        or (content.startswith(b"RIFF") and content[8:12] == b"WEBP")
        or (content.startswith(b"BM") and content[6:10] == bytes(4))
    )


class Form(NamedTuple):
    """What pictures are brought to.

    Attributes:
        height, width, channels: of the array; one channel is grey.
        fit: what is done to pictures of another form.
        white: what 255 stands for in pictures of 16 bits.
        colour: of the frame around a picture that leaves some of the array empty, a value for each channel.
    """

    height: int
    width: int
    channels: int
    fit: Fit
    white: int
    colour: Sequence[float]


def shaped(cell: str | bytes | np.ndarray, form: Form) -> np.ndarray:
    """A picture in its form, (1, height, width, channels) uint8.

    Args:
        cell: as :func:`open_picture` takes it.
        form: what it is brought to.

    Raises:
        DataError: if it cannot be decoded; it says why.

    Example:
        >>> shaped(np.zeros((2, 3), np.uint8), Form(4, 4, 1, "squash", 255, [0.0])).shape
        (1, 4, 4, 1)
    """
    height, width, channels, fit, white, colour = form
    if isinstance(cell, np.ndarray) and cell.dtype == np.uint8 and (*cell.shape, 1)[:3] == (height, width, channels):
        return cell.reshape(1, height, width, channels)  # as it should be
    image = open_picture(cell, max(height, width), grey=channels == 1).image
    pixels = pixels_of(fitted(image, height, width, fit), channels, white)
    return framed(pixels, height, width, colour)[None]


def open_picture(cell: str | bytes | np.ndarray, near: int | None = None, *, grey: bool = False) -> Picture:
    """Decode a picture.

    Args:
        cell: the name of a file, its bytes, or an array (height, width) or (height, width, 1, 3 or 4 channels) of whole
            numbers from 0 to 255, or uint16.
        near: both sides may shrink to this many pixels, or somewhat more: large JPEG files are then decoded faster.
        grey: whether colours are not needed.

    Of an animated file the first picture is taken. What is transparent becomes white. DICOM and NIfTI files are known
    by their ending: their range is brought to 0 to 255 file by file, and of a volume the middle slice is taken.

    Raises:
        DataError: if it cannot be decoded; it says why.

    Example:
        >>> open_picture(np.zeros((2, 3), np.uint8)).image.size
        (3, 2)
    """
    if isinstance(cell, np.ndarray):
        return _of_array(cell)
    content = file_bytes(cell) if isinstance(cell, str) else cell
    if not content:
        raise DataError("the file is empty")
    ending = cell.lower() if isinstance(cell, str) else ""
    if ending.endswith(".dcm"):
        return _of_array(dicom_picture(content))
    if ending.endswith((".nii", ".nii.gz")):
        return _of_array(nifti_slice(content))
    if content.startswith(b"\x93NUMPY"):
        return _of_array(npy_array(content))
    return _of_file(content, near, grey)


def fitted(image: Any, height: int, width: int, fit: Fit) -> Any:
    """Resize a Pillow image, with antialiasing.

    Args:
        image: in mode L, RGB or F.
        height, width: the size to have.
        fit: squash: both sides to that size; crop: the largest part from its middle that has that form; pad: the whole
            in its own form, which leaves it smaller on one side.
    """
    wide, high = image.size
    if (high, wide) == (height, width):
        return image
    box = (0.0, 0.0, float(wide), float(high))
    if fit == "crop":
        shrink = min(wide / width, high / height)
        left, top = (wide - width * shrink) / 2, (high - height * shrink) / 2
        box = (left, top, left + width * shrink, top + height * shrink)
    elif fit == "pad":
        grow = min(width / wide, height / high)
        width, height = max(1, round(wide * grow)), max(1, round(high * grow))
    return image.resize((width, height), _pillow().Resampling.BILINEAR, box=box, reducing_gap=2.0)


def pixels_of(image: Any, channels: int, white: int) -> np.ndarray:
    """A Pillow image as (height, width, channels) uint8; ``white`` is what 255 stands for in pictures of 16 bits."""
    if image.mode == "F":
        grey = (np.asarray(image) * (255 / white) + 0.5).clip(0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], channels, axis=2)
    mode = "L" if channels == 1 else "RGB"
    pixels = (image if image.mode == mode else image.convert(mode)).tobytes()
    return np.frombuffer(pixels, np.uint8).reshape(image.height, image.width, channels)


def framed(pixels: np.ndarray, height: int, width: int, colour: Sequence[float]) -> np.ndarray:
    """Pixels in the middle of a frame of one colour, (height, width, channels); themselves if they fill it."""
    high, wide, channels = pixels.shape
    if (high, wide) == (height, width):
        return pixels
    frame = np.empty((height, width, channels), np.uint8)
    frame[:] = np.round(colour)
    top, left = (height - high) // 2, (width - wide) // 2
    frame[top : top + high, left : left + wide] = pixels
    return frame


@functools.cache
def _pillow() -> ModuleType:
    # What Pillow warns of is said in our words, or does not matter: a date in the EXIF part that is cut off.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    return need("PIL.Image", extra="image", why="to read pictures")


@functools.cache
def _formats() -> tuple[str, ...]:
    """The formats that this Pillow was built with."""
    pillow = _pillow()
    pillow.init()
    return tuple(name for name in FORMATS if name in pillow.OPEN)


def _small_jpeg(content: bytes) -> Any | None:
    """A small JPEG without EXIF or colours of its own, given to the decoder as it is: twice as fast as opening it.

    None of any other file, and of a damaged one, for which opening finds the reason.
    """
    place = 2
    while place + 10 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker in JPEG_FRAMES:
            bits, height, width, parts = struct.unpack_from(">BHHB", content, place + 4)
            if bits != 8 or parts not in (1, 3) or not 0 < height * width <= JPEG_SMALL:
                return None
            mode = "L" if parts == 1 else "RGB"
            try:
                return _pillow().frombytes(mode, (width, height), content, "jpeg", mode, "")
            except (ValueError, OSError):
                return None
        if marker not in JPEG_PLAIN:
            return None
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return None


def _of_file(content: bytes, near: int | None, grey: bool) -> Picture:
    if content.startswith(b"\xff\xd8") and (image := _small_jpeg(content)) is not None:
        return Picture(image, image.height, image.width)
    return _opened(content, lambda image: _first(image, near, grey))


def _first(image: Any, near: int | None, grey: bool) -> Picture:
    width, height = image.size
    check_pixels(height, width)
    if near is not None and image.format in ("JPEG", "MPO"):
        image.draft("L" if grey else "RGB", (2 * near, 2 * near))
    image.load()
    turn = image.getexif().get(ORIENTATION, 1) if "exif" in image.info else 1
    if turn in (5, 6, 7, 8):
        height, width = width, height
    return Picture(_upright(_plain(image), turn), height, width)


def pictures_in(content: bytes, choose: Callable[[int], Iterable[int]]) -> list[Picture]:
    """Pictures of an animated file.

    Args:
        content: the file.
        choose: which of so many to take.

    Raises:
        DataError: if one cannot be decoded; it says why.
    """

    def chosen(image: Any) -> list[Picture]:
        width, height = image.size
        check_pixels(height, width)
        found = []
        for place in choose(getattr(image, "n_frames", 1)):
            image.seek(place)
            found.append(Picture(_plain(image.copy()), height, width))
        return found

    return _opened(content, chosen)


def _opened(content: bytes, taken: Callable[[Any], T]) -> T:
    """What is taken from an opened file; its faults in our words."""
    pillow, formats = _pillow(), _formats()
    try:
        with pillow.open(BytesIO(content), formats=formats) as image:
            return taken(image)
    except (LaminaError, KeyboardInterrupt):
        raise
    except pillow.UnidentifiedImageError:
        if is_picture(content):
            raise DataError(
                "the picture is damaged", got=f"{what_it_is(content)} whose header cannot be read"
            ) from None
        raise DataError("the file is no picture", got=what_it_is(content), allowed=ALLOWED) from None
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
        found = re.search(r"\d+", str(error))
        raise _too_large(int(found[0]) if found else None) from None
    except Exception as error:  # a damaged file makes the decoders fail in more ways than they name
        raise DataError("the picture is damaged", got=str(error) or type(error).__name__) from error


def check_pixels(height: int, width: int) -> None:
    """Refuse what would take too much memory, before it is decoded, and what is empty.

    Raises:
        DataError: if there are no pixels, or more than 89,478,485.
    """
    if height * width > PIXELS:
        raise _too_large(height * width)
    if not height * width:
        raise DataError("the picture has no pixels", got=f"{width} x {height}")


def _too_large(pixels: int | None) -> DataError:
    got = None if pixels is None else f"{pixels:,} pixels"
    return DataError("the picture is too large", got=got, allowed=f"{PIXELS:,}")


def _plain(image: Any) -> Any:
    """An image of any mode in L, RGB or F."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith(("I", "F")):
        return _deep(np.asarray(image))
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = _pillow().new("RGBA", image.size, "white")
        return _pillow().alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def _upright(image: Any, turn: int) -> Any:
    """Turn an image as EXIF says that the camera was held."""
    return image.transpose(_pillow().Transpose[TURNS[turn]]) if turn in TURNS else image


def _deep(grey: np.ndarray) -> Any:
    """Grey values of 16 bits as an image of mode F."""
    values = grey.astype(np.float32)
    _check_values(values, WHITE)
    return _pillow().fromarray(values)


def _check_values(values: np.ndarray, most: int) -> None:
    low, high = values.min(initial=most), values.max(initial=0)
    if not (low >= 0 and high <= most and (values == np.floor(values)).all()):
        raise DataError(
            "the pixels are not whole numbers from 0 up",
            got=f"{low:g} to {high:g}",
            allowed=f"0 to {most}",
            do="scale them, such as by 255 where they go from 0 to 1",
        )


def _of_array(array: np.ndarray) -> Picture:
    if array.dtype.kind not in "buif":
        raise DataError("the array is no picture", got=f"{array.dtype} of shape {array.shape}", allowed="numbers")
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4):
        first = array.ndim == 3 and array.shape[0] in (1, 3, 4)
        raise DataError(
            "the array is no picture",
            got=f"shape {' x '.join(map(str, array.shape))}",
            allowed="height x width, or height x width x 1, 3 or 4 channels",
            do="move the channels to the end" if first else None,
        )
    height, width = array.shape[:2]
    check_pixels(height, width)
    array = array[..., 0] if array.ndim == 3 and channels == 1 else array
    if array.dtype == np.uint16 and channels == 1:
        return Picture(_deep(array), height, width)
    if array.dtype == np.uint16:
        array = (array // 257).astype(np.uint8)  # colours of 16 bits: by their full range, as Pillow does with PNG
    elif array.dtype != np.uint8:
        _check_values(array, 255)
        array = array.astype(np.uint8)
    return Picture(_plain(_pillow().fromarray(np.ascontiguousarray(array))), height, width)
