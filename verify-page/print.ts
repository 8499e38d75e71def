/** Prints the page as a file: `bin/node verify-page/print.ts > verify.html`. */
import { verifierPage } from './page.ts';

process.stdout.write(verifierPage());
