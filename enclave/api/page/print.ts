/** Prints the page as a file: `node enclave/api/page/print.ts > verify.html`. */
import { verifierPage } from '../page.ts';

process.stdout.write(verifierPage());
