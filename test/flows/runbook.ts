import { systemClock } from '@powernode/clock'
import pg from 'pg'
import { PATIENCE_MS } from '../eventually.ts'
import type { TestPlatform } from '../mesh.ts'
import { type, type Keyboard } from './operator-at-keyboard.ts'

export type Checked = {
  readonly name: string
  readonly section: string
  readonly status: string
  readonly summary: string
  readonly cause: string
  readonly side: string
  readonly command: string
  readonly seen_by: string
  readonly symptom: string
}

/** What the doctor printed. */
export type Diagnosis = {
  readonly exit: number
  readonly verdict: {
    readonly symptom: string
    readonly side: string
    readonly summary: string
    readonly command: string
    readonly check: string
  }
  readonly checks: readonly Checked[]
}

/** What `fedctl doctor` says of a platform, or of one peering of it. */
export async function diagnosis(of: Keyboard, peer = ''): Promise<Diagnosis> {
  const typed = await type<Omit<Diagnosis, 'exit'>>(of, `doctor${peer && ` peer ${peer}`} -o json`)
  const { exit, out } = typed
  if (!out.includes('"verdict"')) throw new Error(`the doctor ended with ${exit}: ${out}${typed.err}`)
  return { exit, ...typed.json() }
}

/**
 * The same, once the doctor names this symptom: what it looks at may still be on its way. It looks again now and then, since
 * the other side answers only so often.
 */
export async function diagnosed(of: Keyboard, peer: string, symptom: string): Promise<Diagnosis> {
  const giveUp = AbortSignal.timeout(PATIENCE_MS)
  let last = await diagnosis(of, peer)
  while (last.verdict.symptom !== symptom && !giveUp.aborted) {
    await systemClock.sleep(AGAIN_MS, giveUp)
    last = await diagnosis(of, peer)
  }
  if (last.verdict.symptom === symptom) return last
  const wrong = last.checks.filter(({ status }) => status !== 'ok')
  throw new Error(`the doctor names ${JSON.stringify(last.verdict)}, not ${symptom}: ${JSON.stringify(wrong)}`)
}

const AGAIN_MS = 300

/** What a check of this name says, first of ours and then of theirs. */
export const said = ({ checks }: Diagnosis, name: string): Checked | undefined =>
  checks.find((check) => check.name === name && check.status !== 'ok') ?? checks.find((check) => check.name === name)

/** Makes the past, where only time could: rules of tables that keep it as it was are set aside. */
export async function inDatabase({ platform }: TestPlatform, statement: string, values: unknown[] = []): Promise<void> {
  const client = new pg.Client(platform.postgresUrl.replace(/\/postgres$/, '/powernode'))
  await client.connect()
  try {
    await client.query('set session_replication_role = replica')
    const { rowCount } = await client.query(statement, values)
    if (rowCount === 0) throw new Error(`nothing was changed by: ${statement}`)
  } finally {
    await client.end()
  }
}
