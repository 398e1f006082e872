"""HdrHistogram's interval log, read: the format of its V2 histograms, deflated and in base 64."""

import base64
import struct
import zlib
from collections.abc import Iterator

import numpy

DEFLATED, PLAIN = 0x1C849304, 0x1C849303
# The last but one byte says how wide a word is, which both sides of the format take for granted.
ANY_WIDTH = 0xFFFFFF0F


def intervals(log: str) -> Iterator[tuple[str, int, numpy.ndarray]]:
    """Tag, beginning in seconds and the sorted values of each line."""
    for line in log.splitlines():
        if line.startswith("Tag="):
            tag, begin, _, _, payload = line.removeprefix("Tag=").split(",")
            yield tag, round(float(begin)), values(base64.b64decode(payload))


def values(payload: bytes) -> numpy.ndarray:
    """Every value of a histogram, as the middle of its bucket."""
    cookie, length = struct.unpack_from(">II", payload)
    if cookie & ANY_WIDTH != DEFLATED & ANY_WIDTH:
        raise ValueError(f"no deflated histogram: {cookie:x}")
    plain = zlib.decompress(payload[8 : 8 + length])
    cookie, size, _, digits, lowest, _, _ = struct.unpack_from(">IIIIQQd", plain)
    if cookie & ANY_WIDTH != PLAIN & ANY_WIDTH:
        raise ValueError(f"no histogram: {cookie:x}")
    unit = lowest.bit_length() - 1
    half = (2 * 10**digits - 1).bit_length() - 1
    found, index = [], 0
    for count in zigzag(plain[40 : 40 + size]):
        if count < 0:
            index -= count
            continue
        found += [middle(index, half, unit)] * count
        index += 1
    return numpy.array(found)


def middle(index: int, half: int, unit: int) -> float:
    """The middle of a bucket: the lower half of the first has a magnitude of its own, each further half one more."""
    magnitude = max((index >> half) - 1, 0)
    within = index - (magnitude << half)
    return (within + 0.5) * 2 ** (magnitude + unit) - 0.5


def zigzag(data: bytes) -> Iterator[int]:
    """Numbers of up to nine bytes, seven bits in each but the ninth, the sign in the lowest bit."""
    number = shift = 0
    for byte in data:
        if shift == 56:
            number |= byte << shift
        else:
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte & 0x80:
                continue
        yield (number >> 1) ^ -(number & 1)
        number = shift = 0
