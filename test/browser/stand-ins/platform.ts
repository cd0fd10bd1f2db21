/** The platform of a test in the page: that of the page, under the name that the test asks for. */
export { browserPlatform as nodePlatform } from "../../../host/browser/platform.ts";
