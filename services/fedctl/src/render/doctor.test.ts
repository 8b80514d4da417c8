import { create } from '@bufbuild/protobuf'
import { VerdictSchema } from '@powernode/proto/powernode/doctor/v1/service_pb.ts'
import { CheckSchema } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { expect, test } from 'vitest'
import { exitOf, type Examination } from '../doctor.ts'
import { EXIT } from '../exit-codes.ts'
import { examinationText } from './doctor.ts'
import { paint } from './paint.ts'
import { pasting } from './paste.ts'

const ID = '0192f0c1-2345-7abc-8def-0123456789ab'
const canvas = { now: new Date(0), to: paint(false), width: undefined, paste: pasting('a') }

const CUT: Examination = {
  peerId: ID,
  name: 'b',
  checks: [
    create(CheckSchema, { name: 'tcp.theirs', section: 'tcp', status: 'failed', summary: 'nobody answers', cause: 'refused\u001b[2J', side: 'them', command: 'fedctl doctor' }),
    create(CheckSchema, { name: 'peering.state', section: 'peering', status: 'warning', summary: 'degraded', side: 'us', command: `fedctl peer suspend ${ID}` }),
    create(CheckSchema, { name: 'clock.theirs', section: 'clock', status: 'ok', summary: 'clocks agree', side: 'nobody', seenBy: 'them' }),
  ],
  verdict: create(VerdictSchema, { symptom: 'port_silent', summary: 'nobody answers', side: 'them', command: 'fedctl doctor', failed: 1, warnings: 1 }),
} // prettier-ignore

test('section by section in the order of causes; under what is not well its cause, whose it is and the command; the verdict last', () => {
  const lines = examinationText(CUT, { all: true }, canvas).split('\n')
  expect(lines.map((line) => line.trim())).toEqual([
    'peering      warning  degraded',
    'here: fedctl --context a peer suspend b',
    'tcp          FAILED   nobody answers',
    'refused\ufffd[2J',
    'on the other side: fedctl doctor',
    'clock        ok       seen there: clocks agree',
    '',
    'port_silent  nobody answers',
    'on the other side: fedctl doctor',
    '1 failed, 1 warning, 0 skipped; more: docs/doctor.md#port_silent',
  ])
})

test('a command names the peer, and one about our own records is run here, whoever has to act', () => {
  const told = (side: string, command: string) =>
    examinationText(
      { ...CUT, checks: [], verdict: create(VerdictSchema, { symptom: 's', side, command }) },
      { all: true },
      canvas,
    )
  expect(told('us', 'fedctl grant create <peer> --deliver')).toContain(
    'here: fedctl --context a grant create b --deliver',
  )
  expect(told('them', `fedctl peer show ${ID}`)).toContain('what we know of it: fedctl --context a peer show b')
  expect(told('them', 'fedctl peer resume <peer>')).toContain('on the other side: fedctl peer resume <peer>')
})

test('what is well is left out where nobody asked for it', () => {
  expect(examinationText(CUT, { all: false }, canvas)).not.toContain('clocks agree')
})

test.each([
  { failed: 1, warnings: 3, exit: EXIT.fault },
  { failed: 0, warnings: 3, exit: EXIT.doneWithOpenItems },
  { failed: 0, warnings: 0, exit: EXIT.done },
])('$failed failed and $warnings warnings end with $exit', ({ failed, warnings, exit }) => {
  expect(exitOf({ ...CUT, verdict: create(VerdictSchema, { failed, warnings }) })).toBe(exit)
})
