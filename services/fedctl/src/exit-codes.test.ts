import { CommanderError } from 'commander'
import { Code, ConnectError } from '@connectrpc/connect'
import { Refusal, STATUS, toConnectError, type Reason } from '@powernode/rpc'
import { expect, test } from 'vitest'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import { factsOf } from './problem.ts'

test('every refusal has an exit code that says who said no', () => {
  const reasons = Object.keys(STATUS) as Reason[]
  const byCode = Object.groupBy(reasons, (reason) => String(exitCodeOf(reason)))
  expect(byCode['5']).toEqual(['PEER_UNREACHABLE', 'PEER_CIRCUIT_OPEN', 'PEER_REFUSED', 'PEER_CERTIFICATE_NOT_TRUSTED'])
  expect(byCode['6']).toEqual(['DEADLINE_EXCEEDED'])
  expect(byCode['4']).toContain('INVITATION_SPENT')
  expect(byCode['4']).toContain('MOVE_NOT_ALLOWED')
  expect(byCode['2']).toContain('PEER_NOT_FOUND')
  expect(byCode['3']).toEqual(['APPROVAL_REQUIRED'])
  expect(byCode['4']).toEqual(expect.arrayContaining(['ACTION_BLOCKED', 'PERMISSION_MISSING', 'RESIDENCY_VIOLATION']))
  expect(byCode['0']).toBeUndefined()
})

test('what was typed and names nothing is usage, whatever it was to name', () => {
  const unknown = (Object.keys(STATUS) as Reason[]).filter((reason) => STATUS[reason] === Code.NotFound)
  // No command names a service.
  expect(unknown.filter((reason) => exitCodeOf(reason) !== EXIT.usage)).toEqual(['SERVICE_UNKNOWN'])
  expect(exitCodeOf('NOTICE_INVALID')).toBe(EXIT.usage)
})

test('a refusal that crossed the wire keeps its reason, its next step and its facts', () => {
  const refusal = new Refusal('INVITATION_EXPIRED', 'the invitation ran out', {
    next: 'ask for a new one',
    metadata: { at: 'noon' },
  })
  expect(factsOf(toConnectError(refusal))).toEqual({
    reason: 'INVITATION_EXPIRED',
    message: 'the invitation ran out',
    next: 'ask for a new one',
    metadata: { at: 'noon' },
    exitCode: EXIT.refusedByPolicy,
  })
})

test('what is not a refusal says what kind of trouble it is', () => {
  const exit = (error: unknown) => factsOf(error).exitCode
  expect(exit(new ConnectError('slow', Code.DeadlineExceeded))).toBe(EXIT.timeout)
  expect(exit(new ConnectError('connection refused', Code.Unavailable))).toBe(EXIT.fault)
  expect(exit(new ConnectError('not you', Code.PermissionDenied))).toBe(EXIT.refusedByPolicy)
  expect(exit(new ConnectError('internal error', Code.Internal))).toBe(EXIT.fault)
  expect(exit(new CommanderError(1, 'commander.x', 'error: no'))).toBe(EXIT.usage)
  expect(exit(new Error('bug'))).toBe(EXIT.fault)
})
