import type { Alarm } from '@powernode/proto/powernode/audit/v1/witness_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { sheet, table } from './table.ts'
import { moment } from './time.ts'

export function alarmTable(alarms: readonly Alarm[], { to, width, paste }: Canvas, name: NamePeers): string {
  if (alarms.length === 0) return 'no alarms'
  const text = table(
    alarms,
    [
      { title: 'ALARM', text: ({ id }) => id },
      { title: 'AT (UTC)', text: ({ at }) => moment(at) },
      { title: 'PEER', text: ({ peerId }) => name(peerId) || 'platform' },
      { title: 'WHOSE LOG', text: ({ whose }) => whose },
      { title: 'WHAT', text: ({ kind }) => kind, colour: () => to.bad },
      { title: 'SETTLED', text: ({ settledAt, settledBy }) => (settledAt ? settledBy : 'no') },
      { title: 'IN WORDS', text: ({ detail }) => detail },
    ],
    to,
    width,
  )
  const open = alarms.find(({ settledAt }) => !settledAt)
  return open ? `${text}\n\nnext  ${paste(`fedctl audit alarms ${open.id}`)}` : text
}

/** One alarm with the notes that contradict each other: evidence that needs nobody's word. */
export function alarmSheet(alarm: Alarm, { to, paste }: Canvas, name: NamePeers): string {
  const { id, kind, whose, detail, settledAt, settledBy, settledNote } = alarm
  const facts = sheet(
    [
      ['alarm', id],
      ['what', `${kind}: ${MEANING[kind] ?? 'unknown to this version'}`, to.bad],
      ['whose log', alarm.peerId === '' ? 'ours, of what concerns no peer' : (WHOSE[whose] ?? whose)],
      ['peer', name(alarm.peerId) || 'none: it is about the platform'],
      ['at', `${moment(alarm.at)} UTC`],
      ['in words', detail],
      ['settled', settledAt ? `${moment(settledAt)} UTC by ${settledBy}: ${settledNote}` : 'no'],
    ],
    to,
  )
  const notes = [alarm.firstNote, alarm.secondNote]
    .filter((note) => note !== '')
    .map((note, at) => `${to.bold(at === 0 ? 'First note' : 'Second note')}\n${sheet([['', note]], to)}`)
  const next = settledAt ? '' : `next  ${paste(`fedctl audit alarms --settle ${id} --note "what came of it"`)}`
  return [facts, ...notes, next].filter((part) => part !== '').join('\n\n')
}

const MEANING: Readonly<Record<string, string>> = {
  fork: 'two truths were signed for one log; docs/ledger.md says what to do',
  rollback: 'the log is shorter than it has been',
  unsigned: 'a checkpoint whose signature does not verify',
  files: 'the sealed files say something else than the log; docs/ledger.md says what to do',
  worm: 'the WORM stream says something else than the log; docs/ledger.md says what to do',
}

const WHOSE: Readonly<Record<string, string>> = {
  theirs: 'theirs about us: we have witnessed it',
  ours: 'ours about them: they have witnessed it',
}
