import { FakeClock } from '@powernode/clock/testing'
import { rateLimit } from '@powernode/rpc'
import { expectRefusal } from '@powernode/rpc/testing'
import { expect, test } from 'vitest'
import { diagnosisHandlers, type DiagnosisParts } from './diagnosis.ts'
import type { Asked, BytesHandler } from './unary.ts'

const AT_ONCE = 64

test('however many peers ask together, so many are answered at once, and whoever has to wait is not counted as having asked', async () => {
  const clock = new FakeClock()
  const answers = Promise.withResolvers<never>()
  const parts = {
    clock,
    limits: { diagnosisMs: 3_000 },
    doctor: { diagnoseForPeer: () => answers.promise },
    diagnosesPerPeer: rateLimit(1, 10, () => clock.elapsed()),
  }
  // The rest of what a handler has is for the library alone.
  const { diagnose } = diagnosisHandlers(parts as unknown as DiagnosisParts)
  const hungUp = new AbortController()
  const ask = (peerId: string) => (diagnose as BytesHandler).respond(Buffer.alloc(0), askedBy(peerId, hungUp.signal))

  const answered = Array.from({ length: AT_ONCE }, (_, at) => ask(`peer-${at}`))
  const error = await expectRefusal(ask('late'), 'RATE_LIMITED')
  expect(error.retryAfterMs).toBe(3_000)

  hungUp.abort()
  answers.reject(new Error('nobody waits any more'))
  for (const each of answered) await expect(each).rejects.toThrow('nobody waits')
  await expect(ask('late'), 'it was not told that it asks too often').rejects.toThrow('nobody waits')
  await expectRefusal(ask('peer-0'), 'DIAGNOSIS_TOO_OFTEN')
})

const askedBy = (peerId: string, signal: AbortSignal): Asked =>
  ({ visit: { peer: { peerId }, requestId: '', trace: { traceId: '', spanId: '', flags: '' } }, timeoutMs: 1_000, signal }) as unknown as Asked // prettier-ignore
