import { create } from '@bufbuild/protobuf'
import { MemberReportSchema } from '@powernode/proto/powernode/federation/v1/enrollment_pb.ts'
import { expect, test } from 'vitest'
import { isLeftBehind } from './keep-fenced.ts'
import { isSuperseded } from './superseded.ts'

const US = { systemIdentifier: '7', timeline: 1, lsn: '0/1', inRecovery: false, major: 18, keepBytes: 1, walLevel: 'replica', fenced: false } // prettier-ignore
const said = (state: string, timeline: number, systemIdentifier = '7') =>
  create(MemberReportSchema, { state, timeline, systemIdentifier })

test('a member is believed to lead in our place when it is further on in the history of our very database, and we do not send to it', () => {
  expect(isSuperseded(US, said('promoted', 2), false)).toBe(true)
  expect(isSuperseded(US, said('promoted', 2), true)).toBe(false)
  expect(isSuperseded(US, said('promoted', 1), false)).toBe(false)
  expect(isSuperseded(US, said('promoted', 2, '8'), false)).toBe(false)
  expect(isSuperseded(US, said('streaming', 2), false)).toBe(false)
  expect(isSuperseded({ ...US, fenced: true }, said('promoted', 2), false)).toBe(false)
  expect(isSuperseded({ ...US, inRecovery: true }, said('promoted', 2), false)).toBe(false)
})

test('a primary whose place a member was told to take is left behind until it is fenced, follows, or leads again after it', () => {
  const told = { told: true, timeline: 1, systemIdentifier: '7' }
  expect(isLeftBehind(told, US)).toBe(true)
  expect(isLeftBehind({ ...told, told: false }, US)).toBe(false)
  expect(isLeftBehind(told, { ...US, fenced: true })).toBe(false)
  expect(isLeftBehind(told, { ...US, inRecovery: true })).toBe(false)
  expect(isLeftBehind(told, { ...US, timeline: 2 }), 'the services go on at the member').toBe(false)
  expect(isLeftBehind(told, { ...US, systemIdentifier: '8' }), 'another database in its place').toBe(false)
  expect(isLeftBehind({ ...told, systemIdentifier: '' }, US), 'it could not be asked which one it was').toBe(true)
})
