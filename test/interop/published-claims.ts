import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** As go.mod pins it. */
const MODULE = 'github.com/transparency-dev/merkle'
const run = promisify(execFile)

/** What recording.go writes down: bytes are base64. */
export type PublishedClaim = {
  readonly kind: 'inclusion' | 'consistency'
  readonly index: number
  readonly old_size: number
  readonly size: number
  readonly leaf_hash: string | null
  readonly old_root: string | null
  readonly root: string | null
  readonly proof: readonly string[] | null
  readonly holds: boolean
}

/**
 * Every claim that the tests of transparency-dev's Merkle library judge, right ones and the many ways in which they go wrong:
 * what its published vectors are made from. Nothing of it is kept here: its tests run out of a copy of Go's module cache, with a
 * recorder in front of what they call.
 */
export async function publishedClaims(go: string): Promise<readonly PublishedClaim[]> {
  const dir = mkdtempSync(join(tmpdir(), 'interop-claims-'))
  try {
    const { stdout } = await run(go, ['list', '-C', HERE, '-m', '-f', '{{.Dir}}', MODULE])
    for (const path of ['.', 'compact', 'rfc6962', 'proof']) {
      mkdirSync(join(dir, path), { recursive: true })
      for (const name of readdirSync(join(stdout.trim(), path)).filter(isNeeded))
        writeFileSync(join(dir, path, name), changed(name, readFileSync(join(stdout.trim(), path, name), 'utf8')))
    }
    writeFileSync(join(dir, 'proof/recording.go'), readFileSync(join(HERE, 'testdata/recording.go')))
    const RECORD_TO = join(dir, 'claims')
    const args = ['test', '-C', dir, '-count=1', '-vet=off', '-buildvcs=false', './proof']
    await run(go, args, { env: { ...process.env, RECORD_TO } })
    const lines = readFileSync(RECORD_TO, 'utf8').trimEnd().split('\n')
    return lines.map((line) => JSON.parse(line) as PublishedClaim) // recording.go's
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** Of the tests, those that judge proofs; the others need more modules. */
const isNeeded = (name: string): boolean =>
  /^go\.(mod|sum)$|\.go$/.test(name) && (!name.endsWith('_test.go') || name === 'verify_test.go')

const changed = (name: string, text: string): string =>
  name === 'verify.go' ? text.replaceAll(/^func Verify(Inclusion|Consistency)\(/gm, 'func their$1(') : text
