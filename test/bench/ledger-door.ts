import { workerData } from 'node:worker_threads'
import { systemClock } from '@powernode/clock'
import { openDoor } from '../../services/audit-ledger/src/append/testing.ts'
import { CALLERS } from '../../services/audit-ledger/src/rpc.ts'
import { startServer } from './own-server.ts'
import { serveUntilStopped } from './thread.ts'

/** audit-ledger's door as it runs in production, signer and all, in a thread of its own. */
const { url, tlsDir } = workerData as { url: string; tlsDir: string } // as ledger-append.ts gives it
const door = await openDoor({ url, clock: systemClock })
// One caller does everything here; who may do what is measured elsewhere.
const callers = { ...CALLERS, proveEntry: CALLERS.append }
const server = await startServer('audit-ledger', tlsDir, [{ ...door.mount, callers }])
await serveUntilStopped(server.port)
await server.stop()
await door.stop()
