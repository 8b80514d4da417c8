import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  AppendStreamRequestSchema,
  AppendStreamResponseSchema,
  type AppendStreamRequest,
} from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { Odd, Refusal, refuseInvalid, WireReader, WireWriter } from '@powernode/rpc'
import type { NewEntry, Written } from '../new-entry.ts'
import { newEntry, newEntryFromWire, writtenToWire, type ToldEntry } from './append-wire.ts'

/** The entries of one message, and which one it is. */
export type Told = { readonly number: bigint; readonly entries: readonly NewEntry[] }

/**
 * Reads a message of AppendStream. As everybody writes it, it is read by hand: every call of the mesh has an entry, and a library
 * takes longer for it than all else that is done with it here. Whatever looks otherwise, or breaks a rule of its proto, is the
 * library's, which says what is wrong with it.
 */
export function readTold(bytes: Buffer, now: Date): Told {
  try {
    return readPlain(new WireReader(bytes), now)
  } catch (error) {
    if (!(error instanceof Odd) && !(error instanceof Refusal)) throw error
    const request = decoded(bytes)
    refuseInvalid(AppendStreamRequestSchema, request)
    return { number: request.number, entries: request.entries.map((entry) => newEntryFromWire(entry, now)) }
  }
}

function decoded(bytes: Buffer): AppendStreamRequest {
  try {
    return fromBinary(AppendStreamRequestSchema, bytes)
  } catch {
    throw new Refusal(
      'REQUEST_INVALID',
      `the request cannot be read: it is not a ${AppendStreamRequestSchema.typeName}`,
    )
  }
}

/** Fields by their tags: number and wire type. */
const [NUMBER, ENTRY] = [0x08, 0x12]
const [ID, LOG, ACTION, AT, ACTOR, DIRECTION] = [0x0a, 0x12, 0x1a, 0x22, 0x2a, 0x32]
const [DECISION, RESOURCE, CONTENT, PAYLOAD, REMOTE, DISCLOSED] = [0x3a, 0x42, 0x4a, 0x52, 0x5a, 0x60]
const [SECONDS, NANOS] = [0x08, 0x10]

const MOST_ENTRIES = 1_024
const [LONGEST_LOG, LONGEST_WORD] = [64, 128]
const LAST_SECOND = 253_402_300_800 // the end of the year 9999

function readPlain(message: WireReader, now: Date): Told {
  const entries: NewEntry[] = []
  let number = 0
  while (message.hasMore) {
    const tag = message.varint()
    if (tag === NUMBER) number = message.varint()
    else if (tag === ENTRY) entries.push(newEntry(readEntry(message, now)))
    else throw new Odd()
  }
  if (entries.length === 0 || entries.length > MOST_ENTRIES) throw new Odd()
  return { number: BigInt(number), entries }
}

const NOTHING = new Uint8Array()

function readEntry(message: WireReader, now: Date): ToldEntry {
  let [id, log, action, actor, direction] = ['', '', '', '', '']
  let [decisionId, resource, contentId, remoteId] = ['', '', '', '']
  let [at, disclosed] = [now, false]
  let payload: Uint8Array = NOTHING
  const end = message.endOfPart()
  while (message.at < end) {
    switch (message.varint()) {
      case ID:
        id = message.text()
        break
      case LOG:
        log = message.text()
        break
      case ACTION:
        action = message.text()
        break
      case AT:
        at = readMoment(message)
        break
      case ACTOR:
        actor = message.text()
        break
      case DIRECTION:
        direction = message.text()
        break
      case DECISION:
        decisionId = message.text()
        break
      case RESOURCE:
        resource = message.text()
        break
      case CONTENT:
        contentId = message.text()
        break
      case PAYLOAD:
        payload = message.bytes()
        break
      case REMOTE:
        remoteId = message.text()
        break
      case DISCLOSED:
        disclosed = message.varint() !== 0
        break
      default:
        throw new Odd()
    }
  }
  if (message.at !== end) throw new Odd()
  const isLawful = log.length <= LONGEST_LOG && action !== '' && action.length <= LONGEST_WORD && actor.length <= LONGEST_WORD // prettier-ignore
  if (!isLawful) throw new Odd()
  return { id, log, action, at, actor, direction, decisionId, resource, contentId, payload, remoteId, disclosed }
}

function readMoment(message: WireReader): Date {
  let [seconds, nanos] = [0, 0]
  const end = message.endOfPart()
  while (message.at < end) {
    const tag = message.varint()
    if (tag === SECONDS) seconds = message.varint()
    else if (tag === NANOS) nanos = message.varint()
    else throw new Odd()
  }
  if (message.at !== end || seconds >= LAST_SECOND || nanos >= 1_000_000_000) throw new Odd()
  return new Date(seconds * 1_000 + Math.round(nanos / 1_000_000))
}

/** Of the answer: its number, a place, and within that. */
const [PLACE, SEQUENCE, TREE_SIZE] = [0x12, 0x08, 0x10]
/** Two numbers with their tags. */
const PLACE_BYTES = 24
const MOST_SAFE = BigInt(Number.MAX_SAFE_INTEGER)

/** The answer to it: by hand where all is written, as it nearly always is. */
export function writeAnswer(number: bigint, written: readonly Written[]): Uint8Array {
  if (number > MOST_SAFE || written.some((one) => 'refused' in one)) {
    const answer = create(AppendStreamResponseSchema, { number, ...writtenToWire(written) })
    return toBinary(AppendStreamResponseSchema, answer)
  }
  const answer = new WireWriter(PLACE_BYTES * (written.length + 1))
  answer.byte(NUMBER)
  answer.varint(Number(number))
  for (const one of written) {
    if ('refused' in one) continue
    answer.byte(PLACE)
    const begin = answer.beginPart()
    answer.byte(SEQUENCE)
    answer.varint(one.sequence)
    answer.byte(TREE_SIZE)
    answer.varint(one.treeSize)
    answer.endPart(begin)
  }
  return answer.written()
}
