import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  cosigner,
  logSigner,
  NoteFlaw,
  parsePolicy,
  parseVkey,
  satisfies,
  verifiersOf,
  type Verified,
} from './index.ts'

const key = () => generateKeyPairSync('ed25519').privateKey
const [x1, x2, x3, y1, y2, y3] = ['x1', 'x2', 'x3', 'y1', 'y2', 'y3'].map((name) => cosigner(`${name}.example`, key(), 0).vkey) as [string, string, string, string, string, string] // prettier-ignore
const log = logSigner('log.example', key()).vkey
const other = logSigner('other.example', key()).vkey
const by = (...vkeys: string[]): Verified[] => vkeys.map((vkey) => ({ verifier: parseVkey(vkey), line: '' }))

/** The example of C2SP tlog-policy, with keys. */
const EXAMPLE = `
# a comment
log ${log}

witness X1 ${x1} https://x1.example
witness X2 ${x2}
witness X3 ${x3}
group X-witnesses 2 X1 X2 X3

\twitness Y1\t${y1}
witness Y2 ${y2}
 witness  Y3  ${y3}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
`

describe('the example of C2SP tlog-policy', () => {
  const policy = parsePolicy(EXAMPLE)
  test.each([
    ['two of X and one of Y', [log, x1, x3, y2], true],
    ['all of them', [log, x1, x2, x3, y1, y2, y3], true],
    ['one of X and all of Y', [log, x1, y1, y2, y3], false],
    ['all of X and none of Y', [log, x1, x2, x3], false],
    ['one of X twice, and one of Y', [log, x1, x1, y1], false],
    ['witnesses enough, and another log', [other, x1, x2, y1], false],
    ['witnesses enough, and no log', [x1, x2, y1], false],
    ['the log alone', [log], false],
  ])('with signatures of %s', (_, vkeys, enough) => {
    expect(satisfies(policy, by(...vkeys))).toBe(enough)
  })

  test('knows everybody it names, and where to find them', () => {
    expect(verifiersOf(policy).map(({ vkey }) => vkey)).toEqual([log, x1, x2, x3, y1, y2, y3])
    expect(policy.witnesses.map(({ url }) => url)).toEqual(['https://x1.example', ...Array(5).fill(undefined)])
  })
})

test('a policy may ask for no witness, and know no log', () => {
  expect(satisfies(parsePolicy(`log ${log}\nquorum none\n`), by(log))).toBe(true)
  expect(satisfies(parsePolicy(`log ${log}\nquorum none\n`), by())).toBe(false)
  expect(satisfies(parsePolicy(`witness w ${x1}\nquorum w\n`), by(x1))).toBe(true)
  expect(satisfies(parsePolicy(`witness w ${x1}\nquorum w\n`), by(x2))).toBe(false)
})

test.each(
  Object.entries({
    'no quorum': `log ${log}`,
    'two quorums': 'quorum none\nquorum none',
    'a quorum of two names': `witness a ${x1}\nwitness b ${x2}\nquorum a b`,
    'a quorum defined below': `quorum a\nwitness a ${x1}`,
    'a group defined below its use': `witness a ${x1}\ngroup g all h\ngroup h all a\nquorum g`,
    'a group without members': `group g any\nquorum none`,
    'a member that is none': 'group g any none\nquorum none',
    'a member twice in one group': `witness a ${x1}\ngroup g 1 a a\nquorum g`,
    'a member of two groups': `witness a ${x1}\nwitness b ${x2}\ngroup g any a\ngroup h any a b\nquorum h`,
    'a threshold of none': `witness a ${x1}\ngroup g 0 a\nquorum g`,
    'a threshold above the members': `witness a ${x1}\ngroup g 2 a\nquorum g`,
    'a threshold with a zero before it': `witness a ${x1}\ngroup g 01 a\nquorum g`,
    'a name used twice': `witness a ${x1}\nwitness a ${x2}\nquorum a`,
    'a witness called none': `witness none ${x1}\nquorum none`,
    'a log key listed twice': `log ${log}\nlog ${log}\nquorum none`,
    'a witness key under two names': `witness a ${x1}\nwitness b ${x1}\nquorum a`,
    'a witness with the key of a log': `witness a ${log}\nquorum a`,
    'a log with the key of a witness': `log ${x1}\nquorum none`,
    'a word too many': `log ${log} https://log.example more\nquorum none`,
    'an unknown keyword': 'quorum none\nthreshold 3',
    'a keyword of every object': 'quorum none\nconstructor x',
    'a carriage return': 'quorum none\r\n',
    'a delete character': 'quorum none\n# \u007f',
    'a key that is none': 'log nonsense\nquorum none',
  }),
)('a policy with %s is refused', (_, text) => {
  expect(() => parsePolicy(text)).toThrow(NoteFlaw)
})
