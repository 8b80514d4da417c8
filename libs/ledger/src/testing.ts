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
