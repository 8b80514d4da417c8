import { holds, mustNet } from '../address.ts'
import type { Frame } from './switch.ts'

export type Test = (frame: Frame) => boolean

const WORD = /\s*(?:(\|\||&&|==|!=|>=|<=|[!()<>])|"([^"]*)"|([A-Za-z0-9_.:/]+))/y

/** What an OVN match says of a frame. Read by OVN's own precedence: `!`, then `&&`, then `||`; unknown words are an error. */
export function readMatch(text: string): Test {
  const words: string[] = []
  WORD.lastIndex = 0
  while (WORD.lastIndex < text.length) {
    const at = WORD.lastIndex
    const match = WORD.exec(text)
    if (!match) throw new Error(`ovn: not a word: ${text.slice(at)}`)
    words.push(match[1] ?? match[2] ?? match[3] ?? '')
  }
  const reader = new Reader(words, text)
  const test = reader.any()
  if (!reader.done) throw new Error(`ovn: too many words in ${text}`)
  return test
}

class Reader {
  readonly #words: readonly string[]
  readonly #text: string
  #at = 0

  constructor(words: readonly string[], text: string) {
    this.#words = words
    this.#text = text
  }

  get done(): boolean {
    return this.#at === this.#words.length
  }

  any(): Test {
    const tests = [this.#all()]
    while (this.#takes('||')) tests.push(this.#all())
    return (frame) => tests.some((test) => test(frame))
  }

  #all(): Test {
    const tests = [this.#one()]
    while (this.#takes('&&')) tests.push(this.#one())
    return (frame) => tests.every((test) => test(frame))
  }

  #one(): Test {
    if (this.#takes('!')) {
      const test = this.#one()
      return (frame) => !test(frame)
    }
    if (this.#takes('(')) {
      const test = this.any()
      if (!this.#takes(')')) throw new Error(`ovn: a parenthesis stays open in ${this.#text}`)
      return test
    }
    const field = this.#take()
    const relation = ['==', '!=', '>=', '<='].find((sign) => this.#takes(sign))
    return relation === undefined ? kindTest(field, this.#text) : comparison(field, relation, this.#take())
  }

  #take(): string {
    const word = this.#words[this.#at]
    if (word === undefined) throw new Error(`ovn: ${this.#text} ends too early`)
    this.#at += 1
    return word
  }

  #takes(word: string): boolean {
    if (this.#words[this.#at] !== word) return false
    this.#at += 1
    return true
  }
}

/** Neighbor discovery as OVN tells it apart: a type of ICMPv6 of its own, or ARP for IPv4. */
const KINDS: Readonly<Record<string, Test>> = {
  '1': () => true,
  arp: ({ kind }) => kind === 'arp',
  nd: ({ kind }) => kind === 'nd',
  nd_ns: ({ kind }) => kind === 'nd',
  nd_na: ({ kind }) => kind === 'nd',
  nd_rs: ({ kind }) => kind === 'router discovery',
  nd_ra: ({ kind }) => kind === 'router discovery',
  ip: ({ kind }) => kind !== 'arp',
  ip4: ({ kind, src }) => kind !== 'arp' && src.family === 4,
  ip6: ({ kind, src }) => kind !== 'arp' && src.family === 6,
  tcp: ({ kind }) => kind === 'tcp',
  udp: ({ kind }) => kind === 'udp',
  icmp: ({ kind }) => kind === 'icmp' || kind === 'nd' || kind === 'router discovery',
  icmp4: ({ kind, src }) => kind === 'icmp' && src.family === 4,
  icmp6: ({ kind, src }) => (kind === 'icmp' || kind === 'nd' || kind === 'router discovery') && src.family === 6,
}

function kindTest(word: string, text: string): Test {
  const test = Object.hasOwn(KINDS, word) ? KINDS[word] : undefined
  if (!test) throw new Error(`ovn: unknown word ${word} in ${text}`)
  return test
}

function comparison(field: string, relation: string, value: string): Test {
  const [what = '', end = ''] = field.split('.')
  const equal = relation === '=='
  if (relation === '==' || relation === '!=') {
    if (field === 'inport' || field === 'outport') return (frame) => (frame[field] === value) === equal
    if ((what === 'ip4' || what === 'ip6') && (end === 'src' || end === 'dst')) {
      const net = mustNet(value)
      if (net.family !== (what === 'ip4' ? 4 : 6)) throw new Error(`ovn: ${value} is no address of ${what}`)
      const ofKind = kindTest(what, field)
      return (frame) => ofKind(frame) && holds(net, frame[end]) === equal
    }
  }
  if ((what !== 'tcp' && what !== 'udp') || end !== 'dst') throw new Error(`ovn: unknown field ${field} ${relation}`)
  const port = Number(value)
  if (!Number.isInteger(port)) throw new Error(`ovn: ${value} is no port`)
  const compare = { '==': port, '!=': port, '>=': port, '<=': port }
  if (!Object.hasOwn(compare, relation)) throw new Error(`ovn: unknown relation ${relation}`)
  return ({ kind, dport }) => {
    if (kind !== what) return false
    if (relation === '>=') return dport >= port
    if (relation === '<=') return dport <= port
    return (dport === port) === equal
  }
}
