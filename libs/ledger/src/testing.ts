export {
  cosignatureLine,
  LogMaker,
  makeKeys,
  makeLog,
  signHead,
  verifiersFor,
  WITNESS,
  type LogKeys,
} from './testing/log-maker.ts'
export { CLASSES, mutations, type Mutation, type MutationClass } from './testing/mutations.ts'
export { sealedLogs, type SealedLog } from './testing/sealed-logs.ts'
