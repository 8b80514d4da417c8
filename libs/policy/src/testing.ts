export { aPolicy, aRequest, pageOf, type Page, type World } from './testing/world.ts'
export { BEARER, GRANT, GRANT_ID, IDENTITY, NETWORK, NOW_MS, OTHER_PEER, PEER, SECRET } from './testing/world.ts'
export type { Situation } from './testing/situation.ts'
export { SITUATIONS } from './testing/situations.ts'
