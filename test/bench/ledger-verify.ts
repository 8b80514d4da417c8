import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { LogMaker, makeKeys, verifiersFor, type LogKeys } from '@powernode/ledger/testing'
import { checkInclusion, decodeBundle, entriesPath, inclusionProof, leafHash, parseCheckpoint, parseNote, tilePath, TILE_WIDTH, type TileReader } from '@powernode/tlog' // prettier-ignore
import { findProgram } from '../foreign.ts'
import { aboutLog, ask, buildInterop } from '../interop/interop.ts'
import { median, quantile, rounded, say, type Report } from './report.ts'

const ENTRIES = 1_000_000
const RUNS = 3
const PROOFS = 2_000
const LIMIT = { seconds: 8, mib: 300, proof_p99_ms: 5 }
const CHILD = fileURLToPath(new URL('./ledger-verify-child.ts', import.meta.url))

/** What the child that verifies says of itself. */
export type Verified = { readonly intact: boolean; readonly seconds: number; readonly rssMib: number }

/**
 * How long `fedctl audit verify` takes for a million entries in a directory, from the start of a process to its answer, and
 * how much memory it needs; beside Go's sumdb, which is asked the same; and inclusion proofs made from the tiles on disk.
 */
export async function run(): Promise<Report> {
  const dir = mkdtempSync(join(tmpdir(), 'ledger-verify-'))
  try {
    const keys = makeKeys('a.example/peers/1')
    const bytes = make(dir, keys)
    say(`${ENTRIES} entries made, ${Math.round(bytes / 2 ** 20)} MiB`)
    const runs: Verified[] = []
    for (let i = 0; i < RUNS; i++) runs.push(await verify(dir, keys))
    const ours = median(runs.map(({ seconds }) => seconds))
    const proofs = await prove(dir)
    return {
      bench: 'ledger-verify',
      unit: `s for ${ENTRIES} entries`,
      ours: rounded(ours),
      limit: LIMIT.seconds,
      ratio: rounded(ours / LIMIT.seconds),
      p50_ms: rounded(quantile(proofs, 0.5), 3),
      p99_ms: rounded(quantile(proofs, 0.99), 3),
      runs: runs.map(({ seconds }) => rounded(seconds)),
      intact: runs.every(({ intact }) => intact),
      highest_rss_mib: Math.max(...runs.map(({ rssMib }) => rssMib)),
      limit_rss_mib: LIMIT.mib,
      entry_bytes: Math.round(bytes / ENTRIES),
      proofs: PROOFS,
      limit_proof_p99_ms: LIMIT.proof_p99_ms,
      beside: { go_sumdb_s: await byOthers(dir, keys) },
    }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** The bytes of all entries. */
function make(dir: string, keys: LogKeys): number {
  let bytes = 0
  const write = (path: string, content: Uint8Array) => {
    mkdirSync(dirname(join(dir, path)), { recursive: true })
    writeFileSync(join(dir, path), content)
    if (path.startsWith('tile/entries/')) bytes += content.length
  }
  new LogMaker(keys, write, { payloads: false }).append(ENTRIES).seal()
  return bytes
}

async function verify(dir: string, keys: LogKeys): Promise<Verified> {
  const vkeys = verifiersFor(keys).map(({ vkey }) => vkey)
  const started = performance.now()
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, dir, keys.origin, ...vkeys])
  const seconds = (performance.now() - started) / 1_000
  const verified = { ...(JSON.parse(stdout) as Verified), seconds } // written by the child
  say(`verified in ${seconds.toFixed(2)} s with ${verified.rssMib} MiB`)
  return verified
}

/** Milliseconds for each proof that an entry is in the log, from tiles on disk; each is checked. */
async function prove(dir: string): Promise<number[]> {
  const { size, root } = parseCheckpoint(parseNote(readFileSync(join(dir, 'checkpoint'), 'utf8')).body)
  const read: TileReader = (tiles) => Promise.all(tiles.map(({ level, position, width }) => readFile(join(dir, tilePath(level, position, width))))) // prettier-ignore
  const waits: number[] = []
  for (let i = 0; i < PROOFS; i++) {
    const index = (i * 499_979) % size
    const started = performance.now()
    const proof = await inclusionProof(read, index, size)
    waits.push(performance.now() - started)
    const position = Math.floor(index / TILE_WIDTH)
    const bundle = readFileSync(join(dir, entriesPath(position, Math.min(TILE_WIDTH, size - position * TILE_WIDTH))))
    const leaf = decodeBundle(bundle)[index % TILE_WIDTH] ?? new Uint8Array()
    const flaw = checkInclusion({ index, size, root, proof, leafHash: leafHash(leaf) })
    if (flaw) throw new Error(`entry ${index}: ${flaw}`)
  }
  return waits
}

/** Seconds that golang.org/x/mod/sumdb takes to hash all entries and compare them with the tiles; null without Go. */
async function byOthers(dir: string, keys: LogKeys): Promise<number | null> {
  const go = findProgram('go')
  if (!go) return null
  const program = await buildInterop(go)
  const [logKey = '', ...witnesses] = verifiersFor(keys).map(({ vkey }) => vkey)
  const started = performance.now()
  const [answer] = await ask(program, [aboutLog({ dir, origin: keys.origin, logKey, witnesses })])
  if (answer?.flaw !== '') throw new Error(`the others say: ${answer?.flaw}`)
  return rounded((performance.now() - started) / 1_000)
}
