import { create, toBinary } from '@bufbuild/protobuf'
import { AnySchema, anyPack, timestampFromDate, type Timestamp } from '@bufbuild/protobuf/wkt'
import { ApprovalSchema } from '@powernode/proto/powernode/approval/v1/service_pb.ts'
import { DecisionSchema } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'
import { ResourceSchema } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { GrantSchema, GrantVerdictSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { RevokePeerRequestSchema } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { ResidencyRulesSchema } from '@powernode/proto/powernode/policy/v1/service_pb.ts'
import { expect, test } from 'vitest'
import { plainApproval, plainPlan } from '../approval-plan.ts'
import type { Canvas } from '../output.ts'
import { explain } from '../why/explanation.ts'
import { approvalSheet, approvalTable } from './approvals.ts'
import { explanationText } from './explanation.ts'
import { grantTable, issuedText, verdictTable } from './grants.ts'
import { paint } from './paint.ts'
import { pasting } from './paste.ts'
import { rulesText } from './residency.ts'
import { resourceSheet, resourceTable } from './resources.ts'

const NOW = new Date('2026-11-21T12:00:00Z')
const canvas: Canvas = { now: NOW, to: paint(false), width: undefined, paste: pasting('a') }
const ago = (ms: number): Timestamp => timestampFromDate(new Date(NOW.getTime() - ms))
const DAY = 86_400_000
const name = (text: string) => text.replaceAll('0198-b', 'org-b')

const grant = create(GrantSchema, {
  id: '0198-1',
  peerId: '0198-b',
  status: 'active',
  resourceKind: 'NodeModule',
  resourceId: 'ntp',
  scopes: ['read', 'write'],
  sdwanNetworkIds: ['*'],
  sourceCidrs: ['10.20.0.0/16'],
  expiresAt: ago(-6 * DAY),
})

test('grants: to whom, for what, until when, and what they are limited to', () => {
  const revoked = create(GrantSchema, { ...grant, id: '0198-2', status: 'revoked', resourceId: '', sourceCidrs: [] })
  expect(grantTable([grant, revoked], canvas, name).split('\n')).toEqual([
    'GRANT   PEER   STATUS   KIND        ID   SCOPES      EXPIRES  LIMITED TO',
    '0198-1  org-b  active   NodeModule  ntp  read,write  in 6d    from 10.20.0.0/16',
    '0198-2  org-b  revoked  NodeModule  all  read,write  -        -',
  ])
  expect(grantTable([], canvas, name)).toBe(
    'no grants; give one: fedctl --context a grant create <peer> --kind … --scope …',
  )
})

test('the command for the other side is theirs: our context is none of it', () => {
  const text = issuedText('fg-0198-1.secret', 'fedctl resource list --peer us --kind NodeModule --grant -', canvas)
  expect(text).toContain('  fedctl resource list --peer us')
  expect(text).not.toContain('--context')
})

test('what each grant says to a call', () => {
  const verdict = create(GrantVerdictSchema, {
    grantId: '0198-1',
    reason: 'SCOPE_MISMATCH',
    axis: 'source',
    detail: 'no',
  })
  expect(verdictTable([verdict], canvas).split('\n')[1]).toBe('0198-1  no    SCOPE_MISMATCH  source  no')
})

test('a record of somebody else cannot write on our screen', () => {
  const resource = create(ResourceSchema, {
    kind: 'NodeModule',
    id: 'ntp\u001b[2J',
    record: { name: '\u001b]0;mine\u0007' },
  })
  for (const text of [resourceTable([resource], canvas), resourceSheet(resource, canvas)])
    expect(text).not.toMatch(/[\u001b\u0007]/)
})

test('regions stand under those they lie in, also when they lie in each other', () => {
  const regions = [
    { name: 'eu', parent: '' },
    { name: 'eu-west-1', parent: 'eu' },
    { name: 'left', parent: 'right' },
    { name: 'right', parent: 'left' },
  ]
  const text = rulesText(create(ResidencyRulesSchema, { regions, defaultMode: 'advise' }), canvas, name)
  expect(text).toMatch(/mode by itself +advise/)
  expect(text).toMatch(/\neu\n {2}eu-west-1$/)
})

const request = create(RevokePeerRequestSchema, { peerId: '0198-b', reason: 'gone' })
const approval = create(ApprovalSchema, {
  id: '0198-a',
  action: 'sdwan.federation_peer_revoke',
  state: 'pending',
  summary: 'end the peering with 0198-b',
  effects: ['2 grants end'],
  plan: anyPack(RevokePeerRequestSchema, request),
  planSha256: new Uint8Array(32).fill(7),
  requestedBy: 'operator/alice',
  requestedAt: ago(60_000),
  expiresAt: ago(-3_600_000),
  approversNeeded: 2,
  votes: [{ by: 'operator/alice', approves: true, at: ago(60_000) }],
})

test('an approval: what, by whom, how many are missing, and the very plan', () => {
  expect(approvalTable([approval], canvas, name).split('\n')[1]).toBe(
    '0198-a    pending  1 of 2  sdwan.federation_peer_revoke  1m ago by operator/alice  1h         end the peering with org-b',
  )
  const text = approvalSheet(approval, plainPlan(approval), canvas, name)
  expect(text).toMatch(
    /- 2 grants end[\s\S]*type: powernode\.peer\.v1\.RevokePeerRequest\n {2}peer_id: 0198-b\n {2}reason: gone/,
  )
  expect(text).toContain(`plan sha256  ${'07'.repeat(32)}`)
  expect(text).toContain('fedctl --context a approval approve 0198-a')
})

test('a plan that this fedctl cannot read is said to be so, and shown as it is', () => {
  const value = toBinary(RevokePeerRequestSchema, request)
  const odd = create(ApprovalSchema, {
    ...approval,
    plan: create(AnySchema, { typeUrl: 'type.googleapis.com/powernode.moon.v1.Land', value }),
  })
  expect(plainApproval(odd).plan).toEqual({
    type: 'type.googleapis.com/powernode.moon.v1.Land',
    unreadable: Buffer.from(value).toString('hex'),
  })
})

test('why: our commands with our context, those for the other side without', () => {
  const decision = create(DecisionSchema, {
    id: '0198-d',
    direction: 'out',
    at: ago(1_000),
    peerId: '0198-b',
    reason: 'GRANT_INVALID',
    resourceKind: 'NodeModule',
    scope: 'read',
    remoteDecisionId: '0198-e',
  })
  const found = { decision, name }
  const text = explanationText(found, explain(found), canvas)
  expect(text).toMatch(/asked +we asked org-b to read NodeModule \(all\)/)
  expect(text).toMatch(/next +fedctl --context a grant received --peer 0198-b/)
  expect(text).toMatch(/ask them for +fedctl why 0198-e\n +fedctl grant create <us> --kind NodeModule --scope read/)
})
