"""What numba has no words for: small groups in vector registers, written in LLVM's language.

A one and a weight in fixed point share an integer: adding these over equal answers counts them and sums their weights.

LLVM's pointers have no types any more: what a pointer points to is said where it is used, by `load` and `place_of`. The
llvmlite of the oldest numba that is allowed takes it from the pointer, which therefore is given its type as well.
"""

# numba infers the types of these functions:
# mypy: ignore-errors

from __future__ import annotations

import inspect
from functools import reduce
from importlib import import_module

from numba.core import cgutils, types
from numba.extending import intrinsic

from polyest.online.extras import MOST_DIGITS, PACKED

__all__ = ["LANES", "MOST", "sum_pairs", "weigh_pairs"]

ir = import_module("llvmlite.ir")
HAS_MASKS = import_module("llvmlite.binding").get_host_cpu_features().get("avx512f", False)
LANES = 8 if HAS_MASKS else 4  # of 64 bits: one register
MOST = min(PACKED, 12 * LANES)  # ids of a group in registers; more take less time in a hash table, mostly
TOGETHER = 4  # blocks in registers at once
ITEM = ir.IntType(64)
VECTOR = ir.VectorType(ITEM, LANES)
FLOAT = ir.DoubleType()
FLOATS = ir.VectorType(FLOAT, LANES)
ZERO, ONE = ir.Constant(ITEM, 0), ir.Constant(ITEM, 1)
IS_OPAQUE = "typ" in inspect.signature(ir.IRBuilder.load).parameters


def load(builder, pointer, kind, align=8):
    typed = builder.bitcast(pointer, kind.as_pointer())
    return builder.load(typed, align=align, **({"typ": kind} if IS_OPAQUE else {}))


def place_of(builder, start, index, kind=ITEM):
    """A pointer to start[index]."""
    typed = builder.bitcast(start, kind.as_pointer())
    return builder.gep(typed, [index], **({"source_etype": kind} if IS_OPAQUE else {}))


def all_lanes(number):
    return ir.Constant(VECTOR, [number] * LANES)


def spread(builder, value):
    """A number in all lanes."""
    single = builder.insert_element(
        ir.Constant(ir.VectorType(value.type, LANES), ir.Undefined), value, ir.Constant(ITEM, 0)
    )
    return builder.shuffle_vector(single, single, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def hidden(builder, number):
    """A number that LLVM takes for any: a loop of so many rounds is not unrolled into code that leaves the cache."""
    return builder.asm(ir.FunctionType(ITEM, [ITEM]), "", "=r,0", [ir.Constant(ITEM, number)], side_effect=False)


def pair_sums(builder, ids, addends, blocks, ones=0):
    """The addends of the ids that equal each lane's, summed, in a group of that many blocks; the first `ones` are 1."""
    own, totals = read(builder, ids, blocks), []
    for first in range(0, blocks, TOGETHER):
        some = own[first : first + TOGETHER]
        sums = [cgutils.alloca_once_value(builder, all_lanes(0)) for _ in some]
        if ones:  # under a mask AVX-512 adds in one instruction, LLVM the constant 1 in two
            one = spread(builder, hidden(builder, 1)) if HAS_MASKS else all_lanes(1)
            with cgutils.for_range(builder, hidden(builder, ones), intp=ITEM) as loop:
                add_equal(builder, some, sums, place_of(builder, ids, loop.index), one)
        start, stop = ir.Constant(ITEM, ones), ir.Constant(ITEM, LANES * blocks)
        with cgutils.for_range_slice(builder, start, stop, ONE, ITEM) as (index, _):
            addend = spread(builder, load(builder, place_of(builder, addends, index), ITEM))
            add_equal(builder, some, sums, place_of(builder, ids, index), addend)
        totals += [load(builder, total, VECTOR, 64) for total in sums]
    return totals


def add_equal(builder, ids, sums, place, addend):
    """Add to the sum of each lane whose id is that at `place`."""
    other = spread(builder, load(builder, place, ITEM))
    for mine, total in zip(ids, sums, strict=True):
        before, same = load(builder, total, VECTOR, 64), builder.icmp_unsigned("==", mine, other)
        builder.store(builder.select(same, builder.add(before, addend), before), total)


def cut(builder, vectors, size):
    """The blocks of a group, 0 behind its end."""
    lanes = ir.Constant(VECTOR, [*range(LANES * (len(vectors) - 1), LANES * len(vectors))])
    inside = builder.icmp_unsigned("<", lanes, spread(builder, size))
    return [*vectors[:-1], builder.select(inside, vectors[-1], all_lanes(0))]


def read(builder, start, blocks, kind=VECTOR):
    """Blocks, one behind the other."""
    places = [place_of(builder, start, ir.Constant(ITEM, LANES * number)) for number in range(blocks)]
    return [load(builder, place, kind) for place in places]


def write(builder, vectors, start):
    """The same the other way."""
    for number, vector in enumerate(vectors):
        place = place_of(builder, start, ir.Constant(ITEM, LANES * number))
        builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=8)


def by_blocks(builder, size, generate):
    """Code of its own for each number of blocks that hold up to `MOST` ids.

    A branch that goes another way than foreseen costs as much as counting a small group, so few depend on the size. The
    code is found by one comparison after the other; a jump by table is foreseen less often and noticed later.
    """
    end = builder.append_basic_block()
    for blocks in range(1, MOST // LANES + 1):
        with builder.if_then(builder.icmp_unsigned("<=", size, ir.Constant(ITEM, LANES * blocks))):
            generate(blocks)
            builder.branch(end)
    builder.branch(end)
    builder.position_at_end(end)


def element(context, builder, array_type, array, place):
    """A pointer to array[place]."""
    data = context.make_array(array_type)(context, builder, array).data
    return place_of(builder, data, place, context.get_data_type(array_type.dtype))


@intrinsic
def sum_pairs(typing_context, ids, first, addends, start, size, base, totals, at):
    """totals[at + l] = base + Σ_i addends[start + i] over ids[first + i] = ids[first + l], l < size.

    1 ≤ size ≤ `MOST`. Addends are 1 but in the last block, from `size` to whose end they are 0, as are the totals then.
    """

    def generate(context, builder, signature, arguments):
        ids, first, addends, start, size, base, totals, at = arguments
        pointer = element(context, builder, signature.args[0], ids, first)
        addend = element(context, builder, signature.args[2], addends, start)
        target = element(context, builder, signature.args[6], totals, at)

        def score(blocks):
            sums = pair_sums(builder, pointer, addend, blocks, ones=LANES * (blocks - 1))
            write(builder, cut(builder, [builder.add(total, spread(builder, base)) for total in sums], size), target)

        by_blocks(builder, size, score)
        return context.get_dummy_value()

    number = types.uintp
    return types.void(ids, number, addends, number, number, number, totals, number), generate


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


def score(builder, blocks, size, exponent, ids, w, packed, columns, found, top, out):
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
    builder.store(builder.extract_element(tops, ZERO), top)
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

    Returns the largest word of w without its sign. 2 ≤ size ≤ `MOST`. The columns others, own, steps of the table of
    this size begin at `base`; all |others| < 2^exponent. `packed` is scratch memory.
    """

    def generate(context, builder, signature, arguments):
        def pointer(number, place):
            return element(context, builder, signature.args[number], arguments[number], place)

        _, _, first, size, table, base, exponent, _, _, group, _ = arguments
        width = builder.extract_value(context.make_array(columns)(context, builder, table).shape, 1)
        places = [builder.add(base, builder.mul(width, ir.Constant(ITEM, n))) for n in range(3)]
        given = pointer(0, first), pointer(1, first), pointer(7, ZERO), [pointer(4, place) for place in places]
        target = None if out is types.none else pointer(10, first)
        found, top = pointer(8, group), cgutils.alloca_once(builder, ITEM)
        by_blocks(builder, size, lambda blocks: score(builder, blocks, size, exponent, *given, found, top, target))
        return load(builder, top, ITEM)

    at = types.uintp
    return types.uint64(ids, w, at, at, columns, at, types.int64, packed, totals, at, out), generate
