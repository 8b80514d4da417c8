import { create } from '@bufbuild/protobuf'
import { createLogger } from '@powernode/process'
import { MemberOrderSchema } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { AttendMemberRequestSchema } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { expect, test } from 'vitest'
import { attendMember } from './attend-member.ts'
import { MemberLines } from './member-lines.ts'

/** As the service that a member talks to would end: it hears of what nobody handles. */
test('a member that goes while it is refused ends its line, and not the service', async () => {
  const unheard: unknown[] = []
  const hear = (error: unknown) => unheard.push(error)
  const before = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', hear)
  try {
    const refused = Promise.withResolvers<never>()
    async function* reports() {
      yield create(AttendMemberRequestSchema, { peerId: 'p' })
      await refused.promise
    }
    const lines = new MemberLines()
    const deps = { lines, logger: createLogger('test', { level: 'silent' }) } as unknown as Parameters<
      typeof attendMember
    >[0] // no report is made
    const answers = attendMember(deps)(reports(), { signal: AbortSignal.any([]) })
    const first = answers.next()
    await expect.poll(() => lines.find('p')).toBeDefined()
    lines.find('p')?.orders.put(create(MemberOrderSchema, { id: 'o' }))
    expect((await first).value).toMatchObject({ order: { id: 'o' } })
    await answers.return(undefined)
    refused.reject(new Refusal('NOT_CLUSTER_MEMBER', 'no replica is kept for this peering'))
    await new Promise((resolve) => setImmediate(resolve))
    expect(unheard).toEqual([])
  } finally {
    process.off('unhandledRejection', hear)
    for (const listener of before) process.on('unhandledRejection', listener)
  }
})
