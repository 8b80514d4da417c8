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
export { CLASSES, type MutationClass } from './testing/mutation-classes.ts'
export { mutations, type Mutation } from './testing/mutations.ts'
export { sealedLogs, type SealedLog } from './testing/sealed-logs.ts'
