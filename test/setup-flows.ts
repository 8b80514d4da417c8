import { keepLogsOfFailed } from './kept-logs.ts'

keepLogsOfFailed()
