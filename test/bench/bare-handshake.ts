import { once } from 'node:events'
import { readTlsFiles } from '@powernode/identity'
import { connect, createServer, type TLSSocket } from 'node:tls'
import pg from 'pg'
import { makeIdentities } from './own-server.ts'
import { withPostgres } from './own-postgres.ts'
import { median } from './report.ts'

const ROUNDS = 50
/** One to read the presented chain, one for accept, and one for the first beat of either side. */
const CONNECTIONS = 4
/** The row and the answer on either side, and on either side the beat that was heard and the move to active. */
const COMMITS = 8

/**
 * What no handshake between two platforms can do without, one after the other and with nothing of ours: new TLS 1.3
 * connections with certificates both ways, a round trip on each, and commits to disk.
 */
export async function measureBareHandshake(): Promise<{ ms: number; parts: string }> {
  const { dirs, remove } = await makeIdentities('liveness', { kind: 'service', name: 'federation-gateway' })
  const { cert, key, ca } = readTlsFiles(dirs.server)
  const caller = readTlsFiles(dirs.caller)
  const server = createServer({ cert, key, ca, requestCert: true, minVersion: 'TLSv1.3' }, (socket) => {
    socket.on('error', () => {})
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const tls = {
    host: '127.0.0.1',
    port,
    cert: caller.cert,
    key: caller.key,
    ca: caller.ca,
    checkServerIdentity: () => undefined,
  }
  try {
    const ms = await withPostgres(async () => {
      const client = new pg.Client({ connectionString: process.env['POWERNODE_TEST_PG_URL'] })
      await client.connect()
      await client.query('create table bare (id int primary key, what bytea)')
      const times: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const startedAt = performance.now()
        for (let at = 0; at < CONNECTIONS; at++) await roundTrip(connect(tls))
        for (let at = 0; at < COMMITS; at++) {
          await client.query('insert into bare values ($1, $2)', [round * COMMITS + at, Buffer.alloc(512)])
        }
        times.push(performance.now() - startedAt)
      }
      await client.end()
      return median(times)
    })
    return { ms, parts: `${CONNECTIONS} TLS 1.3 connections with a round trip each, and ${COMMITS} commits` }
  } finally {
    server.close()
    remove()
  }
}

async function roundTrip(socket: TLSSocket): Promise<void> {
  await once(socket, 'secureConnect')
  socket.write('x')
  await once(socket, 'data')
  socket.destroy()
}
