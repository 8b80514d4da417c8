import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'

/** Looks into a database by itself: what is there MUST be seen without the services whose word is checked. */
export async function withDatabase<T>(config: pg.ClientConfig, look: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(config)
  await client.connect()
  try {
    return await look(client)
  } finally {
    await client.end()
  }
}

/** The way to the replica that a machine of this host keeps: its socket, which root and its agent can enter. */
export function replicaOf(machine: string, database: string): pg.ClientConfig {
  const [file] = globSync('**/replica.conf', { cwd: machine })
  if (file === undefined) throw new Error('its machine keeps no replica')
  const settings = readFileSync(join(machine, file), 'utf8')
  const of = (name: string) => new RegExp(`^${name} = '(.*)'$`, 'm').exec(settings)?.[1] ?? ''
  return { host: of('unix_socket_directories'), port: Number(of('port')), user: 'postgres', database }
}
