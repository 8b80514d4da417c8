import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkConsistency, checkInclusion, consistencyProof, EMPTY_ROOT, inclusionProof } from './index.ts'
import { naiveLeaf, naivePath, naiveProof, naiveRoot, naiveTiles } from './testing/naive-tree.ts'
import { CONSISTENCY, ENTRIES, INCLUSION, NODES, ROOTS } from './testing/published.ts'

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('hex')
const node = ([level, i]: readonly [number, number]) => NODES[level]?.[i] ?? EMPTY_ROOT
const root = (size: number) => ROOTS[size] ?? EMPTY_ROOT
const LEAVES = ENTRIES.map(naiveLeaf)
const leavesOf = (count: number) => Array.from({ length: count }, (_, i) => naiveLeaf(Buffer.from(`entry ${i}`)))
const size = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 40 }) }, fc.integer({ min: 1, max: 1_200 }))

describe('published proofs', () => {
  test.each(INCLUSION)('entry $index is in the tree of $size', async ({ index, size, proof }) => {
    const claim = { index, size, root: root(size), leafHash: LEAVES[index] ?? EMPTY_ROOT, proof: proof.map(node) }
    expect(checkInclusion(claim)).toBeUndefined()
    expect((await inclusionProof(naiveTiles(LEAVES.slice(0, size)), index, size)).map(hex)).toEqual(claim.proof.map(hex)) // prettier-ignore
    for (const wrong of wrongInclusions(claim)) expect([wrong, checkInclusion(wrong)]).not.toContain(undefined)
  })

  test.each(CONSISTENCY)('the tree of $size continues that of $oldSize', async ({ oldSize, size, proof }) => {
    const claim = { oldSize, size, oldRoot: root(oldSize), root: root(size), proof: proof.map(node) }
    expect(checkConsistency(claim)).toBeUndefined()
    expect((await consistencyProof(naiveTiles(LEAVES.slice(0, size)), oldSize, size)).map(hex)).toEqual(claim.proof.map(hex)) // prettier-ignore
    for (const wrong of wrongConsistencies(claim)) expect([wrong, checkConsistency(wrong)]).not.toContain(undefined)
  })

  test('nothing is proven from size 0: taken for good, it would let a log replace everything', () => {
    for (const proof of [[], [EMPTY_ROOT]])
      for (const [size, after] of [
        [0, EMPTY_ROOT],
        [1, root(1)],
        [8, root(8)],
      ] as const)
        // prettier-ignore
        expect(checkConsistency({ oldSize: 0, oldRoot: EMPTY_ROOT, size, root: after, proof })).toContain('size 0')
  })

  test('one size with two roots, and an old size above the new one, are flaws', () => {
    const same = { oldSize: 2, size: 2, oldRoot: root(2), proof: [] }
    expect(checkConsistency({ ...same, root: root(2) })).toBeUndefined()
    expect(checkConsistency({ ...same, root: root(3) })).toContain('two roots')
    expect(checkConsistency({ ...same, root: root(2), proof: [EMPTY_ROOT] })).toContain('too long')
    expect(checkConsistency({ oldSize: 3, size: 2, oldRoot: root(3), root: root(2), proof: [] })).toContain('above')
  })
})

describe('proofs from tiles', () => {
  test('of inclusion are those of the definition, hold, and hold for nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), async (n, at) => {
        const [leaves, index] = [leavesOf(n), at % n]
        const proof = await inclusionProof(naiveTiles(leaves), index, n)
        expect(proof.map(hex)).toEqual(naivePath(index, leaves).map(hex))
        const claim = { index, size: n, leafHash: leaves[index] ?? EMPTY_ROOT, proof, root: naiveRoot(leaves) }
        expect(checkInclusion(claim)).toBeUndefined()
        for (const wrong of wrongInclusions(claim)) expect([wrong, checkInclusion(wrong)]).not.toContain(undefined)
      }),
      { numRuns: 60 },
    )
  })

  test('of consistency are those of the definition, hold, and hold for nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(size, fc.nat(), async (n, at) => {
        const [leaves, oldSize] = [leavesOf(n), 1 + (at % n)]
        const proof = await consistencyProof(naiveTiles(leaves), oldSize, n)
        expect(proof.map(hex)).toEqual(naiveProof(oldSize, leaves).map(hex))
        const oldRoot = naiveRoot(leaves.slice(0, oldSize))
        const claim = { oldSize, oldRoot, size: n, root: naiveRoot(leaves), proof }
        expect(checkConsistency(claim)).toBeUndefined()
        for (const wrong of wrongConsistencies(claim)) expect([wrong, checkConsistency(wrong)]).not.toContain(undefined)
      }),
      { numRuns: 60 },
    )
  })

  test('each tile is read once, and no wider than the tree', async () => {
    const asked: string[] = []
    const leaves = leavesOf(700)
    await inclusionProof(
      (tiles) => {
        asked.push(...tiles.map(({ level, position, width }) => `${level}/${position}.p/${width}`))
        return naiveTiles(leaves)(tiles)
      },
      300,
      700,
    )
    expect(asked.toSorted()).toEqual(['0/1.p/256', '0/2.p/188', '1/0.p/2'])
  })

  test('are not made from a tile that is shorter than asked, nor for what is not there', async () => {
    const short = async () => [new Uint8Array(32)]
    await expect(inclusionProof(short, 0, 5)).rejects.toThrow('tile 0/0 of width 5 has 32 bytes')
    await expect(inclusionProof(naiveTiles(LEAVES), 8, 8)).rejects.toThrow(RangeError)
    await expect(consistencyProof(naiveTiles(LEAVES), 0, 8)).rejects.toThrow(RangeError)
    await expect(consistencyProof(naiveTiles(LEAVES), 8, 7)).rejects.toThrow(RangeError)
  })
})

test('sizes that cannot be counted are refused before anything is hashed', () => {
  const leaf = LEAVES[0] ?? EMPTY_ROOT
  for (const size of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
    expect(checkInclusion({ index: 0, size, leafHash: leaf, proof: [], root: leaf })).toBeDefined()
    expect(checkConsistency({ oldSize: 1, oldRoot: leaf, size, root: leaf, proof: [] })).toBeDefined()
    expect(checkConsistency({ oldSize: size, oldRoot: leaf, size: 8, root: leaf, proof: [] })).toBeDefined()
  }
})

const flip = (bytes: Uint8Array) => bytes.map((byte, i) => (i === 7 ? byte ^ 4 : byte))
const GARBAGE = Buffer.alloc(32, 0xab)

/** The ways in which the published vectors go wrong. */
function wrongProofs(proof: readonly Uint8Array[], ...more: readonly Uint8Array[]): Uint8Array[][] {
  return [
    [...proof, new Uint8Array()],
    [...proof, GARBAGE],
    [GARBAGE, ...proof],
    ...more.flatMap((hash) => [[...proof, hash], [hash, ...proof]]), // prettier-ignore
    ...proof.map((hash, i) => proof.with(i, flip(hash))),
    ...proof.map((_, i) => proof.filter((__, j) => i !== j)),
    ...proof.slice(1).map((_, i) => proof.toSpliced(i + 1, 0, GARBAGE)),
  ]
}

function wrongInclusions(claim: Parameters<typeof checkInclusion>[0]): (typeof claim)[] {
  const { index, size, proof } = claim
  const places = [index - 1, index + 1, index ^ 2].filter((other) => other !== index)
  return [
    ...wrongProofs(proof, claim.root, claim.leafHash).map((wrong) => ({ ...claim, proof: wrong })),
    ...places.map((wrong) => ({ ...claim, index: wrong })),
    ...[size * 2, Math.floor(index / 2)].filter((wrong) => wrong !== size).map((wrong) => ({ ...claim, size: wrong })),
    { ...claim, root: flip(claim.root) },
    { ...claim, root: EMPTY_ROOT },
    { ...claim, root: claim.root.subarray(1) },
    { ...claim, leafHash: flip(claim.leafHash) },
    { ...claim, leafHash: EMPTY_ROOT },
  ]
}

function wrongConsistencies(claim: Parameters<typeof checkConsistency>[0]): (typeof claim)[] {
  const { oldSize, size, proof, oldRoot, root: newRoot } = claim
  const sizes = [oldSize - 1, oldSize + 1, oldSize ^ 2].filter((other) => other !== oldSize && other !== size)
  return [
    ...wrongProofs(proof, oldRoot, newRoot).map((wrong) => ({ ...claim, proof: wrong })),
    ...sizes.map((wrong) => ({ ...claim, oldSize: wrong })),
    { ...claim, size: size * 2 },
    { ...claim, oldRoot: flip(oldRoot) },
    { ...claim, root: flip(newRoot) },
    ...(oldSize === size ? [] : [{ ...claim, oldRoot: newRoot, root: oldRoot }]),
  ]
}
