import { allowed, outside, type Situation } from './situation.ts'
import { PEER, RULES, type Page } from './world.ts'

const tag = (tag: string, { mode = '', located = 'eu-west-1' } = {}): Page => ({
  residencies: [{ peerId: PEER, tag, mode, located }],
})
const rule = (allowedRegions: string[], more: { peerId?: string; dataClass?: string; mode?: string } = {}) => ({
  id: `rule-${more.peerId ?? 'all'}-${more.dataClass ?? 'catalogue'}`,
  peerId: '',
  dataClass: 'catalogue',
  allowedRegions,
  mode: 'enforce',
  ...more,
})
const rules = (...some: ReturnType<typeof rule>[]): Page => ({ residencyRules: { ...RULES, rules: some } })

export const RESIDENCY_SITUATIONS: readonly Situation[] = [
  allowed('a peer inside the region of its tag', { page: tag('eu') }),
  allowed('a peer that is just where its tag says', { page: tag('eu-west-1') }),
  outside('a peer outside its tag', 'RESIDENCY_VIOLATION', { page: tag('us') }),
  outside('a peer in a larger region than its tag', 'RESIDENCY_VIOLATION', {
    page: tag('eu-west-1'),
    request: { declaredResidency: 'eu' },
  }),
  outside('a tagged peer that does not say where it is', 'RESIDENCY_UNKNOWN', {
    page: tag('eu'),
    request: { declaredResidency: '' },
  }),
  outside('a tagged peer in a region nobody knows', 'RESIDENCY_UNKNOWN', {
    page: tag('eu'),
    request: { declaredResidency: 'atlantis' },
  }),
  outside('a declared region that differs only in case', 'RESIDENCY_UNKNOWN', {
    page: tag('eu'),
    request: { declaredResidency: 'EU-west-1' },
  }),
  outside('a misspelt tag', 'RESIDENCY_UNKNOWN', { page: tag('eu-wset-1') }),
  outside('a misspelt tag that the peer declares too', 'RESIDENCY_UNKNOWN', {
    page: tag('eu-wset-1'),
    request: { declaredResidency: 'eu-wset-1' },
  }),
  outside('a peer that was outside its tag when that was set, and says that it is inside now', 'RESIDENCY_VIOLATION', {
    page: tag('eu', { located: 'us' }),
  }),
  outside('a peer that did not say where it was when its tag was set, and says it now', 'RESIDENCY_UNKNOWN', {
    page: tag('eu', { located: '' }),
  }),
  outside('a peer that was in a region nobody knows when its tag was set', 'RESIDENCY_UNKNOWN', {
    page: tag('eu', { located: 'atlantis' }),
  }),
  outside('a peer that was inside its tag when that was set, and is not now', 'RESIDENCY_VIOLATION', {
    page: tag('eu', { located: 'eu-central-1' }),
    request: { declaredResidency: 'us' },
  }),
  allowed('a peer that moved inside the region of its tag', { page: tag('eu', { located: 'eu-central-1' }) }),
  allowed(
    'a peer that was elsewhere when its tag was set, where that is only advised',
    { page: tag('eu', { mode: 'advise', located: 'us' }) },
    { advised: true },
  ),
  allowed('a peer whose tag was taken away, wherever it was', { page: tag('', { located: 'us' }) }),
  outside('a rule that allows where the peer is, and not where it was when its tag was set', 'RESIDENCY_VIOLATION', {
    page: { ...rules(rule(['eu-west-1'])), ...tag('eu', { located: 'eu-central-1' }) },
  }),
  outside('a misspelt mode is enforce', 'RESIDENCY_VIOLATION', { page: tag('us', { mode: 'advice' }) }),
  allowed(
    'a peer outside its tag, where that is only advised',
    { page: tag('us', { mode: 'advise' }) },
    { advised: true },
  ),
  allowed('a peer outside its tag, where nobody looks', { page: tag('us', { mode: 'off' }) }),
  allowed(
    'a peer without a tag and without a place, where that is only advised',
    { request: { declaredResidency: '' } },
    { advised: true },
  ),
  allowed('a class with a rule that allows the place', { page: rules(rule(['eu', 'us'])) }),
  outside('a class with a rule that allows other places', 'RESIDENCY_VIOLATION', { page: rules(rule(['us'])) }),
  outside('a class with a rule that allows no place', 'RESIDENCY_VIOLATION', { page: rules(rule([])) }),
  allowed('a rule for another class', { page: rules(rule(['us'], { dataClass: 'topology' })) }),
  outside('a rule for every class', 'RESIDENCY_VIOLATION', { page: rules(rule(['us'], { dataClass: '*' })) }),
  allowed('a rule for every class, and one for this class', {
    page: rules(rule(['us'], { dataClass: '*' }), rule(['eu'])),
  }),
  outside('a rule for everybody allows it, and one for this peer does not', 'RESIDENCY_VIOLATION', {
    page: rules(rule(['eu']), rule(['us'], { peerId: PEER })),
  }),
  outside('a rule for this peer allows it, and one for everybody does not', 'RESIDENCY_VIOLATION', {
    page: rules(rule(['us'], { dataClass: '*' }), rule(['eu'], { peerId: PEER })),
  }),
  outside('a rule that enforces, beside a tag that only advises', 'RESIDENCY_VIOLATION', {
    page: { ...rules(rule(['us'])), ...tag('us', { mode: 'advise' }) },
  }),
]
