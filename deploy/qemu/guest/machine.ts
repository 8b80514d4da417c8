/**
 * The program of a machine whose code is loaded already: what deploy/qemu/snapshot.ts takes a snapshot of.
 *
 * Everything is imported here, and nothing is done: `live` begins in the guest.
 */
import { startupSnapshot } from 'node:v8'
import { begin } from 'virtual:beginning'
import '@powernode/node-agent/config'
import '@powernode/node-agent/service'
import { live } from '../../child/live.ts'
import { loadServices } from '../../dev/src/in-process.ts'

void loadServices()

startupSnapshot.setDeserializeMainFunction(() => {
  begin()
  void live(process.argv.slice(2))
})
