import { create } from '@bufbuild/protobuf'
import { RemediationSchema } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { expect, test } from 'vitest'
import type { Canvas } from '../output.ts'
import { paint } from './paint.ts'
import { pasting } from './paste.ts'
import { remediationTable } from './remediations.ts'

const canvas: Canvas = { now: new Date(0), to: paint(false), width: undefined, paste: pasting('') }
const entry = (inputs: Record<string, string>, reason = 'heartbeat_stale') =>
  create(RemediationSchema, { id: 'r', peerId: 'berlin', reason, action: 'rehandshaked', inputs })
const shown = (one: ReturnType<typeof entry>) => remediationTable([one], canvas, (text) => text)

test('of a peer that was asked about and is well the diary does not say that it is silent', () => {
  expect(shown(entry({ asked: 'true', hearing: 'both' }))).toMatch(/berlin +nothing +rehandshaked/)
  expect(shown(entry({ asked: 'true', hearing: 'neither' }))).toMatch(/berlin +heartbeat_stale/)
  expect(shown(entry({ asked: 'false', hearing: 'both' }))).toMatch(/berlin +heartbeat_stale/)
  expect(shown(entry({ asked: 'true', hearing: 'both' }, 'cert_expired'))).toMatch(/berlin +cert_expired/)
})
