import { describe, expect, test } from 'vitest'
import { comesBefore } from './lsn.ts'
import { judge, roleNameOf, slotNameOf, type Member, type MemberState, type Seen } from './member.ts'

const GIB = 1024 ** 3
const now = new Date('2026-01-01T12:00:00Z')
const ago = (seconds: number) => new Date(now.getTime() - seconds * 1_000)
const PEER = '01890000-0000-7000-8000-000000000001'

const member = (state: MemberState, more: Partial<Member> = {}): Member => ({
  childId: PEER,
  peerId: PEER,
  slotName: slotNameOf(PEER),
  roleName: roleNameOf(PEER),
  state,
  reason: '',
  since: ago(600),
  passwordSealed: Buffer.of(1),
  roleExpiresAt: null,
  streamedAt: null,
  alarmed: false,
  walStatus: '',
  replayLagBytes: null,
  retainedWalBytes: null,
  replayLagSeconds: null,
  sentLsn: '',
  replayLsn: '',
  observedAt: null,
  primaryAddress: 'here:5432',
  redisAddress: '',
  redisStatus: 'untried',
  address: '',
  reportedAt: null,
  claim: '',
  ...more,
})
const seen = (more: Partial<Seen> = {}): Seen => ({
  slotName: slotNameOf(PEER),
  active: true,
  state: 'streaming',
  walStatus: 'reserved',
  retainedBytes: 0,
  sentLsn: '0/10',
  replayLsn: '0/10',
  replayLagBytes: 0,
  replayLagSeconds: 0,
  ...more,
})
const judged = (before: Member, what: Seen | undefined) => {
  const { member: after, word, dropSlot } = judge(before, { seen: what, keepBytes: GIB, now })
  return `${after.state}${word ? ` ${word}` : ''}${dropSlot ? ' drop' : ''}`
}
const gone = { active: false, state: null }
const full = { retainedBytes: 0.81 * GIB }

describe('what follows of what is seen of a member', () => {
  test.each<[string, Member, Seen | undefined, string]>([
    ['it comes', member('ready'), seen(), 'streaming streaming'],
    ['it goes on', member('streaming', { streamedAt: ago(1) }), seen(), 'streaming'],
    ['it catches up first', member('ready'), seen({ state: 'catchup' }), 'ready'],
    ['it never came, and there is room', member('ready'), seen(gone), 'ready'],
    ['it never came, and the disk fills', member('ready'), seen({ ...gone, ...full }), 'guarded wal_guarded drop'],
    [
      'it is on its way, and the disk fills',
      member('ready', { reportedAt: ago(2) }),
      seen({ ...gone, ...full }),
      'ready wal_guarded',
    ],
    [
      'it fell silent on its way',
      member('ready', { reportedAt: ago(90) }),
      seen({ ...gone, ...full }),
      'guarded wal_guarded drop',
    ],
    ['it copies while the disk fills', member('ready'), seen({ state: 'backup', ...full }), 'ready wal_guarded'],
    ['it was away for a moment', member('streaming', { streamedAt: ago(10) }), seen(gone), 'streaming'],
    ['it is away', member('streaming', { streamedAt: ago(20) }), seen(gone), 'lagging lagging'],
    ['it stays away', member('lagging', { streamedAt: ago(90) }), seen(gone), 'lagging'],
    ['it comes back', member('lagging', { streamedAt: ago(90) }), seen(), 'streaming streaming'],
    ['it is far behind', member('streaming', { streamedAt: ago(1) }), seen({ replayLagBytes: GIB }), 'lagging lagging'],
    [
      'it is long behind',
      member('streaming', { streamedAt: ago(1) }),
      seen({ replayLagSeconds: 31 }),
      'lagging lagging',
    ],
    [
      'it is slow, and the disk fills',
      member('streaming', { streamedAt: ago(1) }),
      seen(full),
      'streaming wal_guarded',
    ],
    ['that was said', member('streaming', { streamedAt: ago(1), alarmed: true }), seen(full), 'streaming'],
    [
      'its WAL is lost',
      member('lagging', { streamedAt: ago(90) }),
      seen({ ...gone, walStatus: 'lost' }),
      'guarded wal_guarded drop',
    ],
    ['its slot is gone', member('streaming', { streamedAt: ago(1) }), undefined, 'guarded wal_guarded drop'],
    ['we are the primary again', member('failed_back'), undefined, 'failed_back'],
    ['it takes over', member('fenced'), seen(gone), 'fenced'],
    ['it took over', member('promoted'), undefined, 'promoted'],
    ['it was guarded already', member('guarded'), undefined, 'guarded'],
    ['it is let in again, and copies', member('guarded'), seen({ state: 'backup' }), 'guarded'],
    ['it was let in again, and follows', member('guarded'), seen(), 'streaming streaming'],
    ['it was let back, and follows', member('failed_back'), seen(), 'streaming streaming'],
    ['it was let in again, and went away', member('guarded'), seen({ ...gone, ...full }), 'guarded drop'],
    [
      'it is let in again, and its copy holds back WAL',
      member('guarded', { reportedAt: ago(2) }),
      seen({ ...gone, ...full }),
      'guarded',
    ],
  ])('%s', (_what, before, what, expected) => expect(judged(before, what)).toBe(expected))

  test('a password that was shown is kept no longer, and one that was not is', () => {
    const after = (before: Member, what: Seen) =>
      judge(before, { seen: what, keepBytes: GIB, now }).member.passwordSealed
    expect(after(member('ready'), seen())).toBeNull()
    expect(after(member('ready'), seen(gone))).not.toBeNull()
    // One that was made while it streams has not been shown yet.
    expect(after(member('streaming', { streamedAt: ago(1) }), seen())).not.toBeNull()
  })
})

test('names follow from the peer, and from nothing else', () => {
  expect(slotNameOf(PEER)).toBe('powernode_repl_01890000000070008000000000000001')
  expect(roleNameOf(PEER)).toMatch(/^powernode_repl_[0-9a-f]{16}$/)
  expect(roleNameOf(PEER)).toBe(roleNameOf(PEER))
})

test('positions in the WAL are compared as numbers, not as texts', () => {
  expect(comesBefore('0/9', '0/10')).toBe(true)
  expect(comesBefore('A/0', '9/FFFFFFFF')).toBe(false)
  expect(comesBefore('1/0', '1/0')).toBe(false)
  expect(() => comesBefore('nowhere', '0/0')).toThrow(/no position/)
})
