import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { systemClock } from '@powernode/clock'
import { inTransaction, openDb } from '@powernode/postgres'
import * as sealed from '../../store/sealed.ts'
import type { Tables } from '../../store/tables.ts'
import { durableFolder } from '../durable.ts'
import { createLogWriter } from '../log-writer.ts'
import { grow, PEER } from './grow.ts'

/**
 * A process for tests to be killed, or to have its disk fail: lets a log grow and seals it, over and over, and says on
 * stdout each size that is sealed, once it is, and each time that sealing failed.
 */
const [url = '', dir = ''] = process.argv.slice(2)
const db = openDb<Tables>({ url, schema: 'audit_ledger', applicationName: 'seal-forever' })
const folder = durableFolder(dir)
const say = (line: string) => writeSync(1, `${line}\n`)
const never = new AbortController().signal
// It will be killed before it could keep what it compiled, and started some forty times.
flushCompileCache()

await folder.sweep()
const writer = createLogWriter({ db, clock: systemClock, folder })
for (let i = 0; ; i++) {
  await grow(db, 1 + ((i * 97) % 290))
  const head = await inTransaction(db, (tx) => sealed.headNamed(tx, { name: PEER }))
  if (!head) throw new Error('nothing is signed')
  for (let done = false; !done;) {
    try {
      await writer.seal(head)
      say(`sealed ${head.size}`)
      done = true
    } catch (error) {
      say(`failed ${String(error instanceof Error ? error.cause : error)}`)
      await systemClock.sleep(1, never)
    }
  }
}
