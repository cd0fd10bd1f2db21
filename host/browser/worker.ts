/** The first module of a worker of a page: it serves one instance of the thread that started it. */
import { inThread } from "../runtime/in-thread.ts";
import { serve } from "../worker/serve.ts";
import { browserPlatform } from "./platform.ts";
import { starter } from "./channel.ts";

serve(starter(), inThread, browserPlatform);
