import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { generateKeyPairSync } from 'node:crypto'
import {
  LogMaker,
  makeKeys,
  mutations,
  sealedLogs,
  verifiersFor,
  type LogKeys,
  type SealedLog,
} from '@powernode/ledger/testing'
import {
  checkConsistency,
  checkInclusion,
  checkProof,
  consistencyProof,
  cosigner,
  Edge,
  EMPTY_ROOT,
  formatCheckpoint,
  formatProof,
  hashOver,
  inclusionProof,
  leafHash,
  logSigner,
  openNote,
  parsePolicy,
  parseVkey,
  satisfies,
  signNote,
  verifiersOf,
  type Signer,
  type TileReader,
} from '@powernode/tlog'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeForeign, findProgram } from '../foreign.ts'
import { aboutLog, ask, base64, buildInterop, type AskedLog, type Question } from './interop.ts'
import { publishedClaims, type PublishedClaim } from './published-claims.ts'

const COUNT = 10_440

describeForeign(
  'of transparency logs in Go',
  { program: findProgram('go'), install: 'apt-get install golang' },
  (go) => {
    let program = ''
    const dir = mkdtempSync(join(tmpdir(), 'interop-'))
    beforeAll(async () => {
      program = await buildInterop(go)
    })
    afterAll(() => rmSync(dir, { recursive: true }))

    const write = (at: string) => (path: string, bytes: Uint8Array) => {
      mkdirSync(dirname(join(at, path)), { recursive: true })
      writeFileSync(join(at, path), bytes)
    }
    const asked = (keys: LogKeys, at: string, more: Partial<AskedLog> = {}): Question => {
      const [logKey = '', ...witnesses] = verifiersFor(keys).map(({ vkey }) => vkey)
      return aboutLog({ dir: at, origin: keys.origin, logKey, witnesses, ...more })
    }

    describe('reading what we write', () => {
      test('opens every checkpoint of logs of all shapes, finds every entry, and proves that each continues the one before', async () => {
        const questions: Question[] = []
        for (const size of [1, 2, 7, 255, 256, 257, 512, 1_000, 65_536, 65_537]) {
          const keys = makeKeys(`a.example/peers/${size}`)
          const at = join(dir, `log-${size}`)
          const maker = new LogMaker(keys, write(at), { payloads: false })
          const previous = size > 1 ? [maker.append(1 + Math.floor((size - 1) / 3)).seal()] : []
          maker.append(size - (size > 1 ? 1 + Math.floor((size - 1) / 3) : 0)).seal()
          questions.push(asked(keys, at, { previous }))
        }
        const answers = await ask(program, questions)
        expect(answers.map(({ flaw }) => flaw)).toEqual(questions.map(() => ''))
        expect(answers.map(({ entries }) => entries)).toEqual([1, 2, 7, 255, 256, 257, 512, 1_000, 65_536, 65_537])
        expect(answers.at(-1)).toMatchObject({ proofs: 258, signers: ['a.example/peers/65537', 'b.example/witness'] })
      })

      test('verifies our proof files for their leaves, and for no others', async () => {
        const keys = makeKeys('a.example/peers/1')
        const log = treeOf(300)
        const checkpoint = signNote(
          formatCheckpoint({ origin: keys.origin, size: 300, root: log.root }),
          signersOf(keys),
        )
        const file = async (index: number) => formatProof({ index, proof: await inclusionProof(log.read, index, 300), checkpoint }) // prettier-ignore
        const [log_key, witness] = verifiersFor(keys).map(({ vkey }) => vkey)
        const question = async (index: number, leaf: number) => ({ ask: 'proof_file', text: await file(index), leaf: base64(entry(leaf)), origin: keys.origin, log_key, witnesses: [witness] }) // prettier-ignore
        const answers = await ask(program, [await question(0, 0), await question(299, 299), await question(7, 8)])
        expect(answers.map(({ flaw }) => flaw === '')).toEqual([true, true, false])
        expect(checkProof(await file(299), entry(299), verifiersFor(keys)).index).toBe(299)
      })

      test('opens a note with 17 signatures, and tells the moments of cosignatures', async () => {
        const keys = makeKeys('a.example/peers/1')
        const key = () => generateKeyPairSync('ed25519').privateKey
        const strangers = Array.from({ length: 15 }, (_, i) => logSigner(`stranger.example/${i}`, key()))
        const text = formatCheckpoint({ origin: keys.origin, size: 0, root: EMPTY_ROOT })
        const note = signNote(text, [...strangers, ...signersOf(keys)])
        const [log_key, witness] = verifiersFor(keys).map(({ vkey }) => vkey)
        const [answer] = await ask(program, [{ ask: 'note', note, log_key, witnesses: [witness] }])
        expect(answer).toEqual({ flaw: '', signers: [keys.origin, 'b.example/witness'], times: [86_400_000] })
      })
    })

    describe('writing what we read', () => {
      test('signs and cosigns notes that we open, under the very key ids that we compute', async () => {
        const text = formatCheckpoint({ origin: 'go.example/log', size: 3, root: EMPTY_ROOT })
        const [{ note = '', keys = [] } = {}] = await ask(program, [{ ask: 'sign', named: 'go.example/log', text }])
        const verified = openNote(note, keys.map(parseVkey)).verified
        expect(verified.map(({ verifier }) => verifier.type)).toEqual(['ed25519', 'cosignature/v1'])
        expect(verified.map(({ verifier }) => verifier.vkey)).toEqual(keys)
      })

      test('has the published entries, nodes and roots that our own tests have', async () => {
        const [{ vectors } = {}] = await ask(program, [{ ask: 'vectors' }])
        const edge = Edge.empty()
        const roots = [base64(edge.root())]
        for (const each of vectors?.entries ?? []) {
          edge.append(leafHash(Buffer.from(each, 'base64')))
          roots.push(base64(edge.root()))
        }
        expect(vectors?.roots).toEqual(roots)
        expect(vectors?.entries).toHaveLength(8)
        for (const [level, nodes] of vectors?.nodes.entries() ?? [])
          for (const [i, node] of nodes.entries()) {
            const leaves = vectors?.entries.slice(i * 2 ** level, (i + 1) * 2 ** level) ?? []
            expect(base64(hashOver(leaves.map((leaf) => leafHash(Buffer.from(leaf, 'base64')))))).toBe(node)
          }
      })
    })

    describe('judging', () => {
      test('proofs of inclusion, right ones and wrong ones, as we do', async () => {
        const claims = await inclusionClaims()
        const answers = await ask(program, claims.map(({ index, size, leafHash: leaf, proof, root }) => ({ ask: 'inclusion', index, size, leaf_hash: base64(leaf), proof: proof.map(base64), root: base64(root) }))) // prettier-ignore
        const theirs = answers.map(({ flaw }) => flaw === '')
        expect(claims.map((claim) => checkInclusion(claim) === undefined)).toEqual(theirs)
        expect(theirs.filter(Boolean).length).toBeGreaterThan(200)
        expect(theirs.filter((holds) => !holds).length).toBeGreaterThan(2_000)
      })

      test('proofs of consistency, right ones and wrong ones, as we do', async () => {
        const claims = await consistencyClaims()
        const answers = await ask(program, claims.map(({ oldSize, oldRoot, size, root, proof }) => ({ ask: 'consistency', old_size: oldSize, old_root: base64(oldRoot), size, root: base64(root), proof: proof.map(base64) }))) // prettier-ignore
        const theirs = answers.map(({ flaw }) => flaw === '')
        expect(claims.map((claim) => checkConsistency(claim) === undefined)).toEqual(theirs)
        expect(theirs.filter(Boolean).length).toBeGreaterThan(200)
        expect(theirs.filter((holds) => !holds).length).toBeGreaterThan(2_000)
      })

      test('every published claim, right or wrong, as we do', async () => {
        const claims = await publishedClaims(go)
        const bytes = (text: string | null) => Buffer.from(text ?? '', 'base64')
        const ours = claims.map((claim) => {
          const said = { size: claim.size, root: bytes(claim.root), proof: (claim.proof ?? []).map(bytes) }
          const flaw =
            claim.kind === 'inclusion'
              ? checkInclusion({ ...said, index: claim.index, leafHash: bytes(claim.leaf_hash) })
              : checkConsistency({ ...said, oldSize: claim.old_size, oldRoot: bytes(claim.old_root) })
          return { ...claim, holds: flaw === undefined }
        })
        // From nothing they let everything follow; here nothing is proven by that.
        const fromNothing = ({ kind, old_size }: PublishedClaim) => kind === 'consistency' && old_size === 0
        expect(ours).toEqual(claims.map((claim) => (fromNothing(claim) ? { ...claim, holds: false } : claim)))
        const count = (kind: string, holds: boolean) => claims.filter((each) => each.kind === kind && each.holds === holds).length // prettier-ignore
        expect([count('inclusion', true), count('consistency', true)].every((n) => n >= 5)).toBe(true)
        expect(count('inclusion', false)).toBeGreaterThan(80)
        expect(count('consistency', false)).toBeGreaterThan(60)
      })

      test('whether a policy is satisfied, as we do', async () => {
        const witnesses = ['w1', 'w2', 'w3', 'w4'].map((name) => cosigner(`${name}.example`, generateKeyPairSync('ed25519').privateKey, 1_000)) // prettier-ignore
        const [a, b, c, d] = witnesses.map(({ vkey }) => vkey)
        const lines = `witness a ${a} https://w1.example/\nwitness b ${b} https://w2.example/\nwitness c ${c} https://w3.example/\nwitness d ${d} https://w4.example/\n` // prettier-ignore
        const policies = [
          'quorum a\n',
          'quorum none\n',
          'group g any a b\nquorum g\n',
          'group g all a b c\nquorum g\n',
          'group g 2 a b c\nquorum g\n',
          'group g 2 a b c\ngroup h all g d\nquorum h\n',
          'group g any a b\ngroup h any c d\ngroup i all g h\nquorum i\n',
        ].map((rest) => lines + rest)
        const subsets = Array.from({ length: 16 }, (_, bits) =>
          witnesses.filter((_witness, i) => (bits >> i) % 2 === 1),
        )
        const log = logSigner('log.example', generateKeyPairSync('ed25519').privateKey)
        const cases = policies.flatMap((text) => subsets.map((some) => ({ text, note: signNote('x\n1\ny\n', [log, ...some]) }))) // prettier-ignore
        const answers = await ask(program, cases.map((each) => ({ ask: 'policy', ...each }))) // prettier-ignore
        const ours = cases.map(({ text, note }) => {
          const policy = parsePolicy(text)
          return satisfies(policy, openNote(note, [...verifiersOf(policy), parseVkey(log.vkey)]).verified)
        })
        expect(ours).toEqual(answers.map(({ flaw }) => flaw === ''))
      })
    })

    test(`finds whatever is done to what it looks at: of ${COUNT} mutations, all that it can see`, async () => {
      const homes = new Map<SealedLog, string>()
      for (const [i, log] of sealedLogs().entries()) {
        const at = join(dir, `sealed-${i}`)
        for (const [path, bytes] of log.files) write(at)(path, bytes)
        homes.set(log, at)
      }
      const seen: string[] = []
      function* questions(): Generator<Question> {
        for (const { class: name, log, changes, previous, isSeenByOthers } of mutations(20_261_122, COUNT)) {
          if (!isSeenByOthers) continue
          seen.push(`${name} of ${log.size}: ${[...changes.keys()].slice(0, 2).join(', ')}`)
          const changed = Object.fromEntries(
            Array.from(changes, ([path, bytes]) => [path, bytes ? base64(bytes) : null]),
          )
          yield asked(log.keys, homes.get(log) ?? '', { changes: changed, previous })
        }
      }
      const intact = [...homes].map(([log, at]) => asked(log.keys, at, { previous: [log.previous.note] }))
      expect((await ask(program, intact)).map(({ flaw }) => flaw)).toEqual(intact.map(() => ''))
      const answers = await ask(program, questions())
      expect(answers).toHaveLength(seen.length)
      expect(answers.flatMap(({ flaw }, i) => (flaw === '' ? [seen[i]] : [])).slice(0, 10)).toEqual([])
      expect(seen.length).toBeGreaterThan(COUNT * 0.6)
    })
  },
)

const entry = (i: number) => Buffer.from(`entry ${i}`)
const signersOf = ({ origin, log, witness }: LogKeys): Signer[] => [logSigner(origin, log), cosigner('b.example/witness', witness, 86_400_000)] // prettier-ignore

/** A tree of that size, with the tiles to prove things of it. */
function treeOf(size: number): {
  readonly root: Uint8Array
  readonly read: TileReader
  readonly leaves: readonly Uint8Array[]
} {
  // prettier-ignore
  const leaves = Array.from({ length: size }, (_, i) => leafHash(entry(i)))
  const over = (level: number, i: number) => hashOver(leaves.slice(i * 256 ** level, (i + 1) * 256 ** level))
  const read: TileReader = async (tiles) =>
    tiles.map(({ level, position, width }) => Buffer.concat(Array.from({ length: width }, (_, i) => over(level, position * 256 + i)))) // prettier-ignore
  return { root: hashOver(leaves), read, leaves }
}

const SIZES = [1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 21, 32, 33, 100, 255, 256, 257, 300]
const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 3 ? byte ^ 8 : byte))
const wrongProofs = (proof: readonly Uint8Array[]): (readonly Uint8Array[])[] => [
  [...proof, EMPTY_ROOT],
  [EMPTY_ROOT, ...proof],
  proof.slice(1),
  proof.slice(0, -1),
  proof.toReversed(),
  ...proof.map((hash, i) => proof.with(i, flip(hash))),
]

async function inclusionClaims() {
  const claims: Parameters<typeof checkInclusion>[0][] = []
  for (const size of SIZES) {
    const { root, read, leaves } = treeOf(size)
    const indexes = size <= 33 ? leaves.keys() : [0, 1, size >> 1, size - 2, size - 1]
    for (const index of indexes) {
      const claim = { index, size, root, leafHash: leaves[index] ?? EMPTY_ROOT, proof: await inclusionProof(read, index, size) } // prettier-ignore
      claims.push(claim, { ...claim, root: flip(root) }, { ...claim, leafHash: flip(claim.leafHash) })
      claims.push(...[index + 1, index ^ 2, size].map((other) => ({ ...claim, index: other })))
      claims.push(...[size + 1, size * 2, size >> 1, index].map((other) => ({ ...claim, size: other })))
      claims.push(...wrongProofs(claim.proof).map((proof) => ({ ...claim, proof })))
    }
  }
  return claims
}

async function consistencyClaims() {
  const claims: Parameters<typeof checkConsistency>[0][] = []
  for (const size of SIZES) {
    const { root, read, leaves } = treeOf(size)
    const olds = size <= 33 ? Array.from({ length: size }, (_, i) => i + 1) : [1, 2, size >> 1, size - 1, size]
    for (const oldSize of olds) {
      const claim = { oldSize, size, root, oldRoot: hashOver(leaves.slice(0, oldSize)), proof: await consistencyProof(read, oldSize, size) } // prettier-ignore
      claims.push(claim, { ...claim, root: flip(root) }, { ...claim, oldRoot: flip(claim.oldRoot) })
      claims.push({ ...claim, root: claim.oldRoot, oldRoot: root }, { ...claim, oldSize: 0, proof: [] })
      claims.push(...[oldSize + 1, oldSize - 1, oldSize ^ 2].map((other) => ({ ...claim, oldSize: other })))
      claims.push(...[size + 1, size * 2, size >> 1].map((other) => ({ ...claim, size: other })))
      claims.push(...wrongProofs(claim.proof).map((proof) => ({ ...claim, proof })))
    }
  }
  return claims
}
