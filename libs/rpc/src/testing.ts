export { expectRefusal } from './testing/expect-refusal.ts'
export { partly } from './testing/partly.ts'
export { refusesEverybodyElse, type ClientAs } from './testing/refuses-everybody-else.ts'
export { startTestServer, type TestServer } from './testing/test-server.ts'
