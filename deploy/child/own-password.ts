import { randomBytes } from 'node:crypto'
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { writePrivately } from '../dev/src/secrets.ts'

/**
 * Gives the database of a child made from an image a superuser's password of its own: all images of one build begin with
 * the same one. MUST be done before the child says that it serves. Safe to repeat; the mark goes last.
 */
export async function ownPassword(postgresDir: string, url: string): Promise<void> {
  const mark = join(postgresDir, 'superuser.shared')
  if (!existsSync(mark)) return
  const password = randomBytes(24).toString('base64url')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    // A statement of its own kind takes no parameters; base64url holds nothing that would need a quote.
    await client.query('set log_statement = none')
    await client.query(`alter role postgres password '${password}'`)
    writePrivately(join(postgresDir, 'superuser.password'), password)
    rmSync(mark)
  } finally {
    await client.end()
  }
}
