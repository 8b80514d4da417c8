import pg from 'pg'
import { connectionSettings } from '../connection-settings.ts'

declare module 'pg' {
  interface Client {
    ref(): void
    unref(): void
  }
}

let standing: Promise<pg.Client> | undefined
let lastTurn: Promise<unknown> = Promise.resolve()

/** The server of the run, which outlives every test. */
export const testServer = (): string | undefined => process.env['POWERNODE_TEST_PG_URL']

/**
 * Works as superuser on the server of the run, by a connection that stays: a process of tests makes and drops some hundred
 * databases, and a connection costs as much as the copy. One after the other; a process that has nothing else to do may end.
 *
 * `work` MUST NOT leave anything in the session, as locks are.
 */
export function asAdmin<R>(work: (admin: pg.Client) => Promise<R>): Promise<R> {
  const turn = lastTurn.then(async () => {
    const admin = await (standing ??= open())
    admin.ref()
    try {
      return await work(admin)
    } finally {
      admin.unref()
    }
  })
  lastTurn = turn.catch(() => {})
  return turn
}

async function open(): Promise<pg.Client> {
  const settings = connectionSettings({ url: testServer() ?? '', applicationName: 'tests' })
  const client = new pg.Client({ ...settings, statement_timeout: 0, query_timeout: 0 })
  const forget = () => void (standing = undefined)
  client.on('error', forget) // the statement that runs fails by itself
  client.on('end', forget)
  try {
    await client.connect()
  } catch (error) {
    forget()
    throw error
  }
  return client
}
