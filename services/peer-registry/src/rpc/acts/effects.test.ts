import { create } from '@bufbuild/protobuf'
import { SpawnMode, SpawnRole, TrustMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import {
  AcceptInvitationRequestSchema,
  ProposePeerRequestSchema,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { expect, test } from 'vitest'
import { accepting } from './accept.ts'
import { proposing } from './propose.ts'

const rehearse = async (): Promise<void> => {}
const linesOf = async ({ effects }: { effects?: readonly string[] | (() => Promise<readonly string[]>) }) =>
  (typeof effects === 'function' ? await effects() : (effects ?? [])).join('\n')

test('who approves that an invitation is taken up reads that the other side may become our parent, when it may', async () => {
  const said = { invitation: 'A'.repeat(43), url: 'https://b.example' }
  const asked = (trustMode: TrustMode) =>
    linesOf(accepting(create(AcceptInvitationRequestSchema, { ...said, trustMode }), { rehearse, hold: rehearse }))
  expect(await asked(TrustMode.HIERARCHICAL)).toContain('they sign for us, and may become our parent')
  expect(await asked(TrustMode.SYMMETRIC)).not.toContain('parent')
})

test('who approves a proposal reads what the two would be to each other', async () => {
  const asked = (said: object) =>
    linesOf(proposing(create(ProposePeerRequestSchema, { name: 'x', ...said }), { rehearse }))
  const child = { spawnMode: SpawnMode.MANAGED_CHILD, spawnRole: SpawnRole.PARENT }
  expect(await asked(child)).toContain('managed_child')
  expect(await asked(child)).toContain('we are the parent')
  expect(await asked({})).not.toContain('parent')
})
