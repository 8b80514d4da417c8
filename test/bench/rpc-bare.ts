import { once } from 'node:events'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { workerData } from 'node:worker_threads'
import { systemClock } from '@powernode/clock'
import { readTlsFiles } from '@powernode/identity'
import { serveUntilStopped } from './thread.ts'

/** What Node's http2 can do by itself over the same TLS: sends back what it gets. */
const data = workerData as { tlsDir: string } // as rpc.ts gives it
const { cert, key, ca } = readTlsFiles(data.tlsDir, systemClock.now())
const server = createSecureServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3' })
server.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/proto' })
  stream.pipe(stream)
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
await serveUntilStopped((server.address() as AddressInfo).port) // a TCP server that listens has one
process.exit()
