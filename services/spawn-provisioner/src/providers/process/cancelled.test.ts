import { randomUUID } from 'node:crypto'
import { somePayload } from '@powernode/payload/testing'
import { systemClock } from '@powernode/clock'
import { expect, test } from 'vitest'
import { localSubject } from '../../testing/local-subject.ts'
import { processProvider } from './process-provider.ts'

test('one that is ended while it is made leaves no process and no file: nobody would ever look for it again', async () => {
  const { open, leftovers, close } = localSubject(processProvider, 60_000)
  const provider = open()
  const never = AbortSignal.any([])
  try {
    for (let ms = 0; ms < 40; ms += 4) {
      const instanceId = randomUUID()
      const size = { cpus: 1, memoryBytes: 0, diskBytes: 0 }
      const wanted = { instanceId, hostname: 'child-1', region: 'here', template: {}, ...size }
      const making = provider.create(wanted, somePayload({ instance_id: instanceId }), never).catch(() => undefined)
      await systemClock.sleep(ms, never)
      await provider.terminate(instanceId, never)
      await making
      expect(leftovers(instanceId)).toEqual([])
    }
    expect(await provider.list(never)).toEqual([])
  } finally {
    for (const { ref } of await provider.list(never)) await provider.terminate(ref, never)
    close?.()
  }
})
