"""A small weighted group, all in vector registers, in LLVM's language: numba would take it through memory many times.

A one and a weight in fixed point share an integer: adding these over equal answers counts them and sums their weights.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

from functools import reduce

from numba.core import cgutils, types
from numba.extending import intrinsic

from polyest.online.compiled.llvm import (
    HAS_MASKS,
    ITEM,
    LANES,
    VECTOR,
    all_lanes,
    by_blocks,
    cut,
    element,
    ir,
    load,
    pair_sums,
    place_of,
    read,
    spread,
    write,
)
from polyest.online.weights import MOST_DIGITS

__all__ = ["weigh_pairs"]

FLOAT = ir.DoubleType()
FLOATS = ir.VectorType(FLOAT, LANES)
ZERO, ONE = ir.Constant(ITEM, 0), ir.Constant(ITEM, 1)


def across(builder, combine, vectors):
    """All lanes of all vectors combined, in every lane."""
    vector, step = reduce(combine, vectors), LANES // 2
    while step:
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [lane ^ step for lane in range(LANES)])
        vector, step = combine(vector, builder.shuffle_vector(vector, vector, lanes)), step // 2
    return vector


def largest(builder, words):
    """The largest of some numbers without their sign, in every lane."""
    unsigned = [builder.and_(word, all_lanes(2**63 - 1)) for word in words]
    return across(builder, lambda x, y: builder.select(builder.icmp_unsigned(">", x, y), x, y), unsigned)


def call(builder, name, *vectors):
    """A function of LLVM's own that gives floats."""
    kind = ir.FunctionType(FLOATS, [vector.type for vector in vectors])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), vectors)


def fixed(builder, numbers, scale):
    """Numbers × scale, as the nearest integers."""
    return builder.fptosi(call(builder, f"llvm.rint.v{LANES}f64", builder.fmul(numbers, scale)), VECTOR)


def powers(builder, shift):
    """2^shift and 2^−shift, no shift beyond `MOST_DIGITS`."""
    most, least, bias = all_lanes(MOST_DIGITS), all_lanes(-MOST_DIGITS), all_lanes(1023)
    shift = builder.select(builder.icmp_signed(">", shift, most), most, shift)
    shift = builder.select(builder.icmp_signed("<", shift, least), least, shift)
    words = builder.add(bias, shift), builder.sub(bias, shift)
    return [builder.bitcast(builder.shl(word, all_lanes(52)), FLOATS) for word in words]


def looked_up(builder, column, places, blocks):
    """column[place] in each lane; places of the group are below LANES·blocks, others give any number of the table."""
    if HAS_MASKS:
        return permuted(builder, read(builder, column, blocks, FLOATS), places)
    found = ir.Constant(FLOATS, ir.Undefined)
    for lane in range(LANES):
        place = place_of(builder, column, builder.extract_element(places, ir.Constant(ITEM, lane)), FLOAT)
        found = builder.insert_element(found, load(builder, place, FLOAT), ir.Constant(ITEM, lane))
    return found


def permuted(builder, column, places):
    """The same from registers: two of them at a time, by the last bits of the place."""
    found = None
    for n in range(0, len(column), 2):
        pair = column[n], places, column[min(n + 1, len(column) - 1)]
        here = call(builder, "llvm.x86.avx512.vpermi2var.pd.512", *pair)
        found = builder.select(builder.icmp_signed(">=", places, all_lanes(LANES * n)), here, found) if n else here
    return found


def reload(builder):
    """Have what was written read again: a number is spread over all lanes for nothing if it comes from memory."""
    builder.asm(ir.FunctionType(ir.VoidType(), []), "", "~{memory}", [], side_effect=True)


def score(builder, blocks, size, exponent, ids, w, packed, columns, found, out):
    """Code for a group of that many blocks; see `weigh_pairs`."""
    words = cut(builder, read(builder, w, blocks), size)
    weights, tops = [builder.bitcast(word, FLOATS) for word in words], largest(builder, words)
    exponents = builder.sub(builder.lshr(tops, all_lanes(52)), all_lanes(1022))
    field = spread(builder, builder.sub(builder.ctlz(size, ir.Constant(ir.IntType(1), 1)), ONE))
    up, down = powers(builder, builder.sub(builder.sub(builder.add(field, field), all_lanes(64)), exponents))
    finest = builder.sub(builder.sub(field, all_lanes(1)), spread(builder, exponent))
    rate_up, rate_down = powers(builder, builder.sub(finest, exponents))

    ones = builder.shl(all_lanes(1), field)
    owns = cut(builder, [builder.add(ones, fixed(builder, w, up)) if out else ones for w in weights], size)
    write(builder, owns, packed)
    reload(builder)
    totals, half = pair_sums(builder, ids, packed, blocks), builder.lshr(ones, all_lanes(1))
    matches = [builder.sub(builder.ashr(builder.add(total, half), field), all_lanes(1)) for total in totals]

    def paid(column):
        return [builder.fmul(w, looked_up(builder, column, m, blocks)) for w, m in zip(weights, matches, strict=True)]

    rates = [fixed(builder, rate, rate_up) for rate in paid(columns[0])]
    mean = builder.fmul(builder.sitofp(across(builder, builder.add, rates), FLOATS), rate_down)
    builder.store(builder.extract_element(mean, ZERO), found)
    if out:
        results = []
        for pay, total, own, m in zip(paid(columns[1]), totals, owns, matches, strict=True):
            same = builder.sub(builder.sub(total, own), builder.shl(m, field))
            apart = builder.fmul(builder.sitofp(same, FLOATS), down)
            step = builder.fmul(apart, looked_up(builder, columns[2], m, blocks))
            results.append(builder.fsub(builder.fadd(pay, step), mean))
        write(builder, results, out)


@intrinsic
def weigh_pairs(typing_context, ids, w, first, size, columns, base, exponent, packed, totals, group, out):
    """totals[group] = T = Σ w·others[m]; out[first + k] = w·own[m] + S·steps[m] − T unless it is None.

    2 ≤ size ≤ `PACKED`. The columns others, own, steps of the table of this size begin at `base`; all |others| <
    2^exponent. `packed` is scratch memory.
    """

    def generate(context, builder, signature, arguments):
        def pointer(number, place):
            return element(context, builder, signature.args[number], arguments[number], place)

        _, _, first, size, table, base, exponent, _, _, group, _ = arguments
        width = builder.extract_value(context.make_array(columns)(context, builder, table).shape, 1)
        places = [builder.add(base, builder.mul(width, ir.Constant(ITEM, n))) for n in range(3)]
        given = pointer(0, first), pointer(1, first), pointer(7, ZERO), [pointer(4, place) for place in places]
        target = None if out is types.none else pointer(10, first)
        found = pointer(8, group)
        by_blocks(builder, size, lambda blocks: score(builder, blocks, size, exponent, *given, found, target))
        return context.get_dummy_value()

    at = types.uintp
    return types.void(ids, w, at, at, columns, at, types.int64, packed, totals, at, out), generate
