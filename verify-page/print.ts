/** Prints the page as a file: `node verify-page/print.ts > verify.html`. */
import { verifierPage } from './page.ts';

process.stdout.write(verifierPage());
