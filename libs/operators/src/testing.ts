import { create } from '@bufbuild/protobuf'
import type { Said } from '@powernode/feed'
import { BegunSchema, PositionSchema, TickSchema } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import {
  DirectorySchema,
  OperatorService,
  WatchOperatorsResponseSchema,
  type Directory,
  type WatchOperatorsResponse,
} from '@powernode/proto/powernode/operator/v1/service_pb.ts'
import { mount, PERMISSIONS, Refusal, type CallersTable, type Mount } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'

/** A directory in which these people may do everything. */
export const everythingTo = (...names: readonly string[]): Directory =>
  create(DirectorySchema, {
    operators: names.map((name) => ({ name, kind: 'person', permissions: [...PERMISSIONS] })),
  })

/** The feed of operators as grant-authz serves it, telling what the test holds; while that is nothing, it breaks. */
export function tellsOperators(held: () => Directory | undefined): Mount {
  const none = Object.fromEntries(OperatorService.methods.map(({ localName }) => [localName, [] as const]))
  const callers = { ...none, watchOperators: ['service/*'] } as unknown as CallersTable<typeof OperatorService> // a row for each method
  return mount(
    OperatorService,
    partly(OperatorService, { watchOperators: (requests) => tell(requests, held) }),
    callers,
  )
}

async function* tell(
  requests: AsyncIterable<{ said: Said }>,
  held: () => Directory | undefined,
): AsyncGenerator<WatchOperatorsResponse> {
  const say = (update: WatchOperatorsResponse['update']) => create(WatchOperatorsResponseSchema, { update })
  let sent: Directory | undefined
  for await (const { said } of requests) {
    const directory = held()
    if (!directory) throw new Refusal('SERVICE_UNAVAILABLE', 'grant-authz is away')
    if (said.case === 'begin') yield say({ case: 'begun', value: create(BegunSchema, { replaces: true }) })
    if (sent !== directory) {
      sent = directory
      yield say({ case: 'directory', value: directory })
      yield say({ case: 'position', value: create(PositionSchema, { epoch: 1n }) })
    }
    if (said.case === 'ask')
      yield say({ case: 'tick', value: create(TickSchema, { number: said.value.number, leaseMs: 1_000 }) })
  }
}
