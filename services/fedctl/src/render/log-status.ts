import type { LogStatus } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { sheet, table } from './table.ts'
import { age, moment } from './time.ts'
import { plural } from './words.ts'

/** All logs in a table; one alone with everything about it. */
export function logStatusText(logs: readonly LogStatus[], canvas: Canvas, name: NamePeers): string {
  const [only] = logs
  if (!only) return 'no log has been opened yet'
  return logs.length === 1 ? oneLog(only, canvas, name) : allLogs(logs, canvas, name)
}

function allLogs(logs: readonly LogStatus[], { now, to, width, paste }: Canvas, name: NamePeers): string {
  const of = (log: LogStatus, size: bigint) => (log.log === 'platform' ? '-' : String(size))
  const text = table(
    logs,
    [
      { title: 'LOG', text: ({ log }) => name(log) },
      { title: 'ENTRIES', text: ({ size }) => String(size) },
      { title: 'SIGNED', text: ({ signedSize }) => String(signedSize) },
      { title: 'COSIGNED', text: (log) => of(log, log.cosignedSize) },
      { title: 'MIRRORED', text: (log) => of(log, log.mirroredSize) },
      ...(logs.some(hasPolicy) ? [{ title: 'QUORUM', text: quorumShort }] : []),
      { title: 'SEALED', text: ({ sealedSize }) => String(sealedSize) },
      { title: 'STREAM', text: ({ wormSize }) => String(wormSize) },
      { title: 'THEIRS SEEN', text: (log) => of(log, log.witnessedSize) },
      { title: 'HELD', text: (log) => of(log, log.heldSize) },
      {
        title: 'STANDS',
        text: (log) => lagWords(log, now),
        colour: (log) => (log.alarm === '' ? (isBehind(log) ? to.warn : to.good) : to.bad),
      },
    ],
    to,
    width,
  )
  return logs.some(({ alarm }) => alarm !== '') ? `${text}\n\n${to.bad(paste('next  fedctl audit alarms'))}` : text
}

function oneLog(log: LogStatus, { now, to, paste }: Canvas, name: NamePeers): string {
  const isPeers = log.log !== 'platform'
  return sheet(
    [
      ['log', name(log.log), to.bold],
      ['origin', log.origin],
      ['stands', lagWords(log, now), log.alarm === '' ? (isBehind(log) ? to.warn : to.good) : to.bad],
      ['alarm', log.alarm && `${log.alarm}; next  ${paste('fedctl audit alarms')}`, to.bad],
      ['entries', `${log.size}${log.prunedBelow > 0n ? `, those before ${log.prunedBelow} gone by retention` : ''}`],
      ['signed', log.signedAt ? `${log.signedSize}, at ${moment(log.signedAt)} UTC` : 'not yet'],
      ['cosigned', isPeers ? cosigned(log) : ''],
      ['quorum', hasPolicy(log) ? quorum(log) : ''],
      ['mirrored', isPeers ? `${log.mirroredSize} at the other side` : ''],
      ['sealed', `${log.sealedSize} in files, ${log.wormSize} in the WORM stream`],
      ['theirs', isPeers ? `${log.witnessedSize} witnessed by us, of these ${log.heldSize} held as our mirror` : ''],
    ],
    to,
  )
}

const cosigned = ({ cosignedAt, cosignedSize }: LogStatus): string =>
  cosignedAt ? `${cosignedSize}, at ${moment(cosignedAt)} UTC` : 'not yet'

const hasPolicy = ({ witnessPolicy }: LogStatus): boolean => witnessPolicy !== ''
const quorumShort = ({ witnessQuorumSize }: LogStatus): string => String(witnessQuorumSize)

/** How far the witnesses have come whom the platform asks for, and who they are. */
const quorum = ({ witnessPolicy, witnessQuorumSize: size }: LogStatus): string =>
  size === 0n ? `not reached yet: it takes ${witnessPolicy}` : `${size}, cosigned by ${witnessPolicy}`

const isBehind = ({ log, size, signedSize, cosignedSize, mirroredSize }: LogStatus): boolean =>
  signedSize < size || (log !== 'platform' && (cosignedSize < size || mirroredSize < size))

/** Where a log stands, as somebody would say it: what could be lost or denied, and since when. */
export function lagWords(log: LogStatus, now: Date): string {
  if (log.alarm !== '') return `in doubt: ${log.alarm}`
  if (log.size === 0n) return 'nothing written yet'
  if (log.signedSize < log.size && log.signedSize === 0n) return 'not signed yet'
  if (log.log === 'platform') return log.signedSize < log.size ? behind(log.size - log.signedSize, 'to sign') : 'signed'
  if (log.cosignedSize === 0n) return 'the other side has not witnessed it yet'
  if (!isBehind(log)) return 'the other side holds everything'
  const toGo = behind(log.size - (log.mirroredSize < log.cosignedSize ? log.mirroredSize : log.cosignedSize), 'to go')
  if (log.mirroredSize < log.cosignedSize)
    return `the other side vouches for ${log.cosignedSize} and holds ${log.mirroredSize}, ${toGo}`
  return `the other side holds everything up to ${age(log.cosignedAt, now)} ago, ${toGo}`
}

const behind = (count: bigint, what: string): string => `${plural(Number(count), 'entry', 'entries')} ${what}`
