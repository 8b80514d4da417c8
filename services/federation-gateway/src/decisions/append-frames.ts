import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { NewEntry } from '@powernode/proto/powernode/audit/v1/entry_pb.ts'
import {
  AppendStreamRequestSchema,
  AppendStreamResponseSchema,
} from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import { FRAME_HEADER_BYTES, framed, headed, Odd, WireReader } from '@powernode/rpc'

/** An entry, and how many bytes of a message it takes at most. */
export type Weighed = { readonly entry: NewEntry; readonly bytes: number }

/** What the ledger says of a message: which one, the places of its entries, and why those were turned away that were. */
export type Answer = {
  readonly number: number
  readonly sequences: readonly number[]
  readonly refused: ReadonlyMap<number, string>
}

/** Fields of both messages by their tags: number and wire type. */
const [NUMBER, ENTRY, PLACE] = [0x08, 0x12, 0x12]
const [SEQUENCE, TREE_SIZE] = [0x08, 0x10]
/** Number, and what each entry has before it, at most. */
const NUMBER_BYTES = 11
const ENTRY_HEAD_BYTES = 3

/**
 * A message of AppendStream in its frame. By hand, because every call has an entry, which has a dozen fields, and a library goes
 * through them by their descriptors. A message of which something is not as in nearly all is the library's.
 */
export function writeMessage(number: number, entries: readonly Weighed[]): Buffer {
  const most = entries.reduce((sum, { bytes }) => sum + bytes + ENTRY_HEAD_BYTES, FRAME_HEADER_BYTES + NUMBER_BYTES)
  const message = Buffer.allocUnsafe(most)
  message[FRAME_HEADER_BYTES] = NUMBER
  let at = writeVarint(message, FRAME_HEADER_BYTES + 1, number)
  for (const { entry } of entries) {
    at = writeEntry(message, at, entry)
    if (at === NOT_PLAIN) return writeAny(number, entries)
  }
  return headed(message.subarray(0, at))
}

const NOT_PLAIN = -1

function writeAny(number: number, entries: readonly Weighed[]): Buffer {
  const request = { number: BigInt(number), entries: entries.map(({ entry }) => entry) }
  return framed(toBinary(AppendStreamRequestSchema, create(AppendStreamRequestSchema, request)))
}

/** Fields of NewEntry, as the characters that their tags are. */
const [ID, LOG, ACTION, ACTOR, DIRECTION] = ['\u{0a}', '\u{12}', '\u{1a}', '\u{2a}', '\u{32}']
const [DECISION, RESOURCE, CONTENT, REMOTE] = ['\u{3a}', '\u{42}', '\u{4a}', '\u{5a}']
const [AT, PAYLOAD, DISCLOSED] = [0x22, 0x52, 0x60]
const [SECONDS, NANOS] = [0x08, 0x10]
/** A length below this is one byte. */
const SHORT = 0x80

/** All its texts are written at once: they are short and ASCII in nearly all. Returns where it ends. */
function writeEntry(message: Buffer, at: number, entry: NewEntry): number {
  const { id, log, action, actor, direction, decisionId, resource, contentId, remoteId, payload } = entry
  const texts =
    text(ID, id) +
    text(LOG, log) +
    text(ACTION, action) +
    text(ACTOR, actor) +
    text(DIRECTION, direction) +
    text(DECISION, decisionId) +
    text(RESOURCE, resource) +
    text(CONTENT, contentId) +
    text(REMOTE, remoteId)
  const begin = at + ENTRY_HEAD_BYTES
  let end = begin + message.write(texts, begin, 'utf8')
  if (end - begin !== texts.length || end + payload.length + REST_BYTES > message.length) return NOT_PLAIN
  if (entry.at) end = writeMoment(message, end, entry.at)
  message[end] = PAYLOAD
  end = writeVarint(message, end + 1, payload.length)
  message.set(payload, end)
  end += payload.length
  message[end++] = DISCLOSED
  message[end++] = entry.disclosed ? 1 : 0
  const length = end - begin
  if (length < SHORT || length >= SHORT * SHORT) return NOT_PLAIN
  message[at] = ENTRY
  writeVarint(message, at + 1, length)
  return end
}

/** Of an entry, beside texts and payload: the moment, and what stands before the payload and after it. */
const REST_BYTES = 32
/** What is not ASCII is not plain. */
const TOO_LONG = '\u{fffd}'

function text(tag: string, value: string): string {
  if (value === '') return ''
  return value.length < SHORT ? tag + String.fromCharCode(value.length) + value : TOO_LONG
}

function writeMoment(message: Buffer, at: number, { seconds, nanos }: NonNullable<NewEntry['at']>): number {
  message[at] = AT
  message[at + 2] = SECONDS
  let end = writeVarint(message, at + 3, Number(seconds))
  message[end] = NANOS
  end = writeVarint(message, end + 1, nanos)
  message[at + 1] = end - at - 2
  return end
}

/** Base 128, the lowest part first; not for negative numbers. */
function writeVarint(message: Buffer, at: number, value: number): number {
  let [rest, end] = [value, at]
  for (; rest >= SHORT; rest = Math.floor(rest / SHORT)) message[end++] = (rest % SHORT) + SHORT
  message[end] = rest
  return end + 1
}

/** What the ledger says of a message. By hand where all of it is written, as it nearly always is. */
export function readAnswer(bytes: Buffer): Answer {
  try {
    return readPlain(new WireReader(bytes))
  } catch (error) {
    if (!(error instanceof Odd)) throw error
    const { number, places, refused } = fromBinary(AppendStreamResponseSchema, bytes)
    return {
      number: Number(number),
      sequences: places.map(({ sequence }) => Number(sequence)),
      refused: new Map(refused.map(({ index, reason }) => [index, reason])),
    }
  }
}

const NONE: Answer['refused'] = new Map()

function readPlain(answer: WireReader): Answer {
  const sequences: number[] = []
  let number = 0
  while (answer.hasMore) {
    const tag = answer.varint()
    if (tag === NUMBER) number = answer.varint()
    else if (tag === PLACE) sequences.push(readPlace(answer))
    else throw new Odd()
  }
  return { number, sequences, refused: NONE }
}

function readPlace(answer: WireReader): number {
  let sequence = 0
  const end = answer.endOfPart()
  while (answer.at < end) {
    const tag = answer.varint()
    if (tag !== SEQUENCE && tag !== TREE_SIZE) throw new Odd()
    const value = answer.varint()
    if (tag === SEQUENCE) sequence = value
  }
  if (answer.at !== end) throw new Odd()
  return sequence
}
