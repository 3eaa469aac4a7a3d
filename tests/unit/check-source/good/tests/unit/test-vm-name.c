/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-name.h"

int main(void)
{
    return system("true");
}
