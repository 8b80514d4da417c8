import { STREAMS } from '@powernode/events'
import { describe, expect, test } from 'vitest'
import { production, SERVICES, sources } from './sources.ts'

type Announced = {
  readonly message: string
  readonly publisher: string
  readonly listeners: readonly string[]
  readonly noun: string
}

/** Every message of every events.proto, and who its comment says publishes and hears it. */
const ANNOUNCED: readonly Announced[] = sources('proto/powernode/*/v1/events.proto').flatMap(({ text }) =>
  Array.from(text.matchAll(/((?:^\/\/.*\n)+)message (\w+) \{/gm), ([, comment = '', message = '']) => {
    const said = comment.replaceAll(/^\/\/ ?/gm, '').replaceAll('\n', ' ')
    const [, publisher = '', heard = ''] = /Published by ([\w-]+); heard by (.*)/.exec(said) ?? []
    const [, noun = ''] = /fed\.(\w+)\./.exec(said) ?? []
    const listeners = heard.replaceAll(/\([^)]*\)/g, '').match(/[a-z]+(-[a-z]+)*/g) ?? []
    return { message, publisher, noun, listeners: listeners.filter((word) => word !== 'and').toSorted() }
  }),
)

const textOf = (pattern: string): string => production(pattern).map(({ text }) => text).join('\n') // prettier-ignore
const saying = new Map(SERVICES.map((name) => [name, textOf(`services/${name}/src/**/events.ts`) + textOf(`services/${name}/src/events/*.ts`)])) // prettier-ignore
const hearing = new Map(SERVICES.map((name) => [name, textOf(`services/${name}/src/**/subscriptions*.ts`)]))
/** audit-ledger hears every stream as it is, and so every event. */
const hears = (name: string, message: string): boolean =>
  name === 'audit-ledger'
    ? /STREAM_NAMES/.test(hearing.get(name) ?? '')
    : (hearing.get(name) ?? '').includes(`${message}Schema`)

test('there are events, and each says who publishes it and who hears it', () => {
  expect(ANNOUNCED.length).toBeGreaterThan(8)
  for (const { message, publisher, listeners } of ANNOUNCED) {
    expect(SERVICES, message).toContain(publisher)
    for (const name of listeners) expect(SERVICES, message).toContain(name)
  }
})

describe.each(ANNOUNCED)('$message', ({ message, publisher, listeners, noun }) => {
  test('is made by its publisher, and by nobody else', () => {
    const makers = SERVICES.filter((name) => saying.get(name)?.includes(`create(${message}Schema`))
    expect(makers).toEqual([publisher])
  })

  test('is heard by exactly those whom its comment names', () => {
    expect(SERVICES.filter((name) => hears(name, message))).toEqual(
      [...new Set([...listeners, ...ledgerHears(publisher)])].toSorted(),
    )
  })

  test('goes over the stream of its publisher', () => {
    const stream = Object.values(STREAMS).find(({ source }) => source === publisher)
    expect(stream?.nouns as readonly string[]).toContain(noun)
  })
})

/** What is only of use inside (that a peer was heard, say) still stands in the ledger, which takes whole streams. */
function ledgerHears(publisher: string): string[] {
  return Object.values(STREAMS).some(({ source }) => source === publisher) ? ['audit-ledger'] : []
}

test('who may drop the receipts of what it heard does, so that they do not grow for ever', () => {
  const may = sources('services/*/migrations/*.sql').flatMap(({ path, text }) =>
    /grant [a-z, ]*\bdelete\b[a-z, ]* on [^;]*\binbox\b/.test(text) ? [path.split('/')[1]] : [],
  )
  expect(may.length).toBeGreaterThan(0)
  for (const name of may) expect(textOf(`services/${name}/src/service.ts`), name).toContain('sweepReceipts(')
})
