import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatCheckpoint, NoteFlaw, parseCheckpoint } from './index.ts'

const ROOT = 'CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='
const EXAMPLE = `example.com/behind-the-sofa\n20852163\n${ROOT}\n`

describe('a checkpoint', () => {
  test('as in C2SP tlog-checkpoint is read, and written to the byte', () => {
    const head = parseCheckpoint(EXAMPLE)
    expect(head).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163, extension: [] })
    expect(Buffer.from(head.root).toString('base64')).toBe(ROOT)
    expect(formatCheckpoint(head)).toBe(EXAMPLE)
  })

  test('may have lines after the third, which are kept apart', () => {
    expect(parseCheckpoint(`${EXAMPLE}one\ntwo\n`).extension).toEqual(['one', 'two'])
  })

  test.each(Object.entries({
    'a leading zero': EXAMPLE.replace('2085', '02085'),
    'a zero twice': EXAMPLE.replace('20852163', '00'),
    'a sign': EXAMPLE.replace('2085', '+2085'),
    'a negative size': EXAMPLE.replace('2085', '-2085'),
    'an exponent': EXAMPLE.replace('20852163', '2e7'),
    'a size in hex': EXAMPLE.replace('20852163', '0x20'),
    'no size': EXAMPLE.replace('20852163', ''),
    'a size beyond counting': EXAMPLE.replace('20852163', '9007199254740992'),
    'carriage returns': EXAMPLE.replaceAll('\n', '\r\n'),
    'a space after the size': EXAMPLE.replace('163\n', '163 \n'),
    'a space in the origin': EXAMPLE.replace('behind-the', 'behind the'),
    'a plus in the origin': EXAMPLE.replace('behind-the', 'behind+the'),
    'a control character in the origin': EXAMPLE.replace('behind', 'behi\u0007d'),
    'a delete character in the origin': EXAMPLE.replace('behind', 'behi\u007fd'),
    'no origin': EXAMPLE.replace('example.com/behind-the-sofa', ''),
    'a root of 31 bytes': EXAMPLE.replace(ROOT, Buffer.alloc(31).toString('base64')),
    'a root of 33 bytes': EXAMPLE.replace(ROOT, Buffer.alloc(33).toString('base64')),
    'a root with loose bits': EXAMPLE.replace('q2I=', 'q2J='),
    'a root without padding': EXAMPLE.replace('q2I=', 'q2I'),
    'a root in base64url': EXAMPLE.replace('om/X', 'om_X'),
    'no third line': EXAMPLE.replace(`${ROOT}\n`, ''),
    'no end of the last line': EXAMPLE.slice(0, -1),
    'an empty line after the third': `${EXAMPLE}\n`,
    'an empty line among its extension': `${EXAMPLE}one\n\ntwo\n`,
  }))('with %s is refused', (_, body) => {
    expect(() => parseCheckpoint(body)).toThrow(NoteFlaw)
  }) // prettier-ignore

  test('that could not be read is not written either', () => {
    const root = Buffer.alloc(32)
    for (const head of [
      { origin: 'a b', size: 0, root },
      { origin: 'a', size: -1, root },
      { origin: 'a', size: 1.5, root },
      { origin: 'a', size: 2 ** 53, root },
      { origin: 'a', size: 1, root: root.subarray(1) },
      { origin: 'a\n5', size: 1, root },
    ])
      expect(() => formatCheckpoint(head)).toThrow(NoteFlaw)
  })

  test('that is read is the only spelling of what it says', () => {
    const line = fc.oneof(fc.string(), fc.nat().map(String), fc.constantFrom('0', '00', ROOT, 'example.com/log'))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
        const body = `${lines.join('\n')}\n`
        try {
          const read = parseCheckpoint(body)
          expect(formatCheckpoint(read) + read.extension.map((each) => `${each}\n`).join('')).toBe(body)
        } catch (flaw) {
          expect(flaw).toBeInstanceOf(NoteFlaw)
        }
      }),
    )
  })
})
