/**
 * The program of a machine whose code is loaded already: what deploy/qemu/snapshot.ts takes a snapshot of.
 *
 * Everything is imported and compiled here, and nothing is done: `live` begins in the guest.
 */
import { startupSnapshot } from 'node:v8'
import { begin } from 'virtual:beginning'
import { services } from 'virtual:contract'
import '@powernode/node-agent/config'
import '@powernode/node-agent/service'
import { warmUp } from '@powernode/rpc'
import { live } from '../../child/live.ts'
import { loadServices } from '../../dev/src/in-process.ts'

void loadServices()
// Compiled rules of requests are as much code as what was loaded; those of all services would take a guest a tenth of its boot.
for (const { methods } of services) for (const { input } of methods) warmUp(input)

startupSnapshot.setDeserializeMainFunction(() => {
  begin()
  void live(process.argv.slice(2))
})
