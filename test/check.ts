/**
 * `npm run check`: everything that can be said of the code without running it, one line each.
 *
 * A step that fails shows what it found and the command that mends it; all steps run, so that one round shows all.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generate } from '../proto/generate.ts'
import { bannedSqlIn } from './lint/sql-files.ts'
import { staleSchemas } from './schema.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const FOLDERS = ['libs', 'services', 'deploy', 'test', 'proto']

type Step = {
  readonly name: string
  readonly mend: string
  /** What is wrong; empty when nothing is. */
  readonly find: () => Promise<string>
}

const STEPS: readonly Step[] = [
  {
    name: 'format',
    mend: 'npm run format',
    find: () => tool('prettier', '--check', '--log-level=warn', '--cache', '--cache-location=.cache/prettier', '.'),
  },
  {
    name: 'lint',
    mend: 'npx oxlint --type-aware --fix ' + FOLDERS.join(' '),
    find: () => tool('oxlint', '--type-aware', '--quiet', ...FOLDERS),
  },
  { name: 'types', mend: 'npx tsc -p tsconfig.json', find: () => tool('tsc', '--noEmit', '-p', 'tsconfig.json') },
  { name: 'sql', mend: 'write the line as the message says', find: async () => bannedSqlIn(ROOT).join('\n') },
  {
    name: 'proto',
    mend: 'npx buf format -w; then what buf lint says',
    find: async () => (await tool('buf', 'lint')) + (await tool('buf', 'format', '-d', '--exit-code')),
  },
  { name: 'generated code', mend: 'npm run gen', find: staleGeneratedCode },
  {
    name: 'schema.sql',
    mend: 'node deploy/dev/run.mjs test/schema.ts --write',
    find: async () => (await staleSchemas(ROOT)).join('\n'),
  },
]

async function staleGeneratedCode(): Promise<string> {
  const base = mkdtempSync(join(tmpdir(), 'powernode-gen-'))
  try {
    generate(base)
    return await run('diff', '-rq', join(base, 'libs/proto/src/gen'), join(ROOT, 'libs/proto/src/gen'))
  } finally {
    rmSync(base, { recursive: true })
  }
}

const tool = (name: string, ...args: string[]): Promise<string> => run(join(ROOT, 'node_modules/.bin', name), ...args)

/** What a command prints when it fails; nothing when it succeeds. */
function run(file: string, ...args: string[]): Promise<string> {
  return new Promise((done) => {
    execFile(file, args, { cwd: ROOT, maxBuffer: 64 << 20 }, (error, stdout, stderr) =>
      done(error ? `${stdout}${stderr}`.trim() || error.message : ''),
    )
  })
}

async function check(only: readonly string[]): Promise<void> {
  for (const { name, mend, find } of STEPS.filter((step) => only.length === 0 || only.includes(step.name))) {
    const from = performance.now()
    const found = await find().catch((error: unknown) =>
      error instanceof Error ? (error.stack ?? error.message) : String(error),
    )
    const seconds = `${((performance.now() - from) / 1000).toFixed(1)} s`
    process.stdout.write(
      `${found ? '✗' : '✓'} ${name.padEnd(15)} ${seconds.padStart(7)}${found ? `   mend: ${mend}` : ''}\n`,
    )
    if (!found) continue
    process.stdout.write(`${found.trimEnd().replace(/^/gm, '    ')}\n`)
    process.exitCode = 1
  }
}

await check(process.argv.slice(2))
